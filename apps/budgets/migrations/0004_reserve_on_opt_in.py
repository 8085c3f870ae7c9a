"""A reservation names the opt-in that its tokens beyond the ceiling stand on; a workload that has become regulated has
a hard cap, whatever was set before (COST-2).

The function is changed as it stands, so that this neither repeats nor undoes what else was changed in it.
"""

from django.db import migrations

CHANGES = (
    ("tg.opted_in_until, tg.tier_id,", "tg.opted_in_until, tg.opt_in_id, tg.tier_id,"),
    (
        "if pattern = 'metered' and (gate.opted_in_until is null or gate.opted_in_until <= moment) then",
        "if pattern = 'metered' and (gate.opted_in_until is null or gate.opted_in_until <= moment)\n"
        "     or pattern <> 'hard' and exists (select from workloads_workload w where w.tenant_id = this_tenant\n"
        "                                       and w.id = this_workload and w.sensitivity = 'regulated') then",
    ),
    ("state, served_model, expires_at, version, created_at)", "state, served_model, expires_at, version, opt_in_id, created_at)"),
    (
        "coalesce(ask->>'version', ''), moment);",
        "coalesce(ask->>'version', ''), case pattern when 'metered' then gate.opt_in_id end, moment);",
    ),
)


def _change(schema_editor, changes):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("select pg_get_functiondef('budgets_reserve(jsonb)'::regprocedure)")
        (text,) = cursor.fetchone()
        for before, after in changes:
            if text.count(before) != 1:
                raise RuntimeError(f"budgets_reserve doesn't say {before!r} once.")
            text = text.replace(before, after)
        cursor.execute(text)


def forward(apps, schema_editor):
    _change(schema_editor, CHANGES)


def backward(apps, schema_editor):
    _change(schema_editor, [(after, before) for before, after in CHANGES])


class Migration(migrations.Migration):
    dependencies = [("budgets", "0003_metered_opt_in")]

    operations = [migrations.RunPython(forward, backward)]
