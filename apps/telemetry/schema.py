"""The action records' table by hand: partitions, and the wall around the parent."""

from portal.tenancy.constraints import policy_sql

ACTION = f"""
create table telemetry_action (
    tenant_id uuid not null default nullif(current_setting('portal.tenant_id', true), '')::uuid
        references tenants_tenant (id),
    started_at timestamptz not null,
    record_id uuid not null,
    received_at timestamptz not null,
    workload_id uuid not null,
    request_id text not null,
    attempt int not null,
    trace_id text not null,
    span_id text not null,
    version text not null,
    model_requested text not null,
    model_served text not null,
    provider text not null,
    tier text not null,
    user_key text not null,
    session text not null,
    unit text not null,
    latency_ms float8 not null,
    tokens_in int,
    tokens_out int,
    tokens_cached int,
    tokens_reasoning int,
    tool_calls int not null,
    retries int not null,
    cost numeric(16, 8),
    currency text not null,
    outcome text not null check (outcome in ('ok', 'error', 'blocked', 'escalated', 'overridden')),
    error_type text not null,
    judged bool not null,
    flagged bool not null,
    action_kind text not null,
    action_amount numeric(16, 2),
    authority_id uuid,
    unauthorised bool not null,
    rollout_id uuid,
    arm text not null check (arm in ('', 'agent', 'control')),
    phase int,
    primary key (tenant_id, started_at, record_id),
    constraint telemetry_action_workload_fk
        foreign key (tenant_id, workload_id) references workloads_workload (tenant_id, id)
) partition by range (started_at);
create index telemetry_action_of_workload on telemetry_action (tenant_id, workload_id, started_at desc);
create index telemetry_action_by_request on telemetry_action (tenant_id, request_id);
{policy_sql("telemetry_action", app="select, insert")};
"""

# As the owner, since the application may not create tables; nothing is granted on what it makes.
MAKE_PARTITION = """
create function telemetry_make_partition(day date) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    name text := 'telemetry_action_' || to_char(day, 'YYYYMMDD');
begin
    if day not between current_date - 400 and current_date + 40 then
        raise exception 'no partition is made for %', day using errcode = 'check_violation';
    end if;
    if to_regclass('public.' || name) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtext('telemetry_make_partition'));
    -- Somebody else may have made it while this waited; to_regclass would still answer from this session's cache.
    execute format(
        'create table if not exists public.%I partition of public.telemetry_action for values from (%L) to (%L)',
        name, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
end $$;
revoke all on function telemetry_make_partition(date) from public;
grant execute on function telemetry_make_partition(date) to portal_app, portal_ops;
"""

HISTOGRAM_ADD = """
create function histogram_add(a int[], b int[]) returns int[]
language sql immutable parallel safe as $$
    select array_agg(x + y order by i) from unnest(a, b) with ordinality as t (x, y, i)
$$;
"""
