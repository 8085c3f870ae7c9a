"""The one function that appends to a chain (AUD-1)."""

from django.db import migrations

# Runs with the owner's rights and so past the application's grants; it takes the tenant from the transaction's
# setting alone. The head row is locked until the transaction ends: the chain can't fork.
APPEND = """
create function audit_append(entry text) returns bigint
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    tenant uuid := nullif(current_setting('portal.tenant_id', true), '')::uuid;
    head audit_head;
    stamp timestamptz := clock_timestamp();
    link bytea;
begin
    if tenant is null then
        raise exception 'audit_append needs a tenant transaction';
    end if;
    insert into audit_head (tenant_id, seq, digest) values (tenant, 0, decode(repeat('00', 32), 'hex'))
        on conflict (tenant_id) do nothing;
    select * into head from audit_head where tenant_id = tenant for update;
    link := sha256(head.digest || convert_to(
        'causeway-audit-1' || E'\\n' || tenant || E'\\n' || (head.seq + 1) || E'\\n'
        || to_char(stamp at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || E'\\n' || entry, 'UTF8'));
    insert into audit_auditentry (id, tenant_id, created_at, seq, at, body, previous, digest)
        values (gen_random_uuid(), tenant, stamp, head.seq + 1, stamp, entry, head.digest, link);
    update audit_head set seq = head.seq + 1, digest = link where tenant_id = tenant;
    return head.seq + 1;
end $$;
revoke all on function audit_append(text) from public;
grant execute on function audit_append(text) to portal_app;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(APPEND, "drop function audit_append(text)"),
    ]
