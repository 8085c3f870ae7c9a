"""The reservation once more: its locks last until its commit, not until the disk has it (decision 0010).

``budgets_reserve`` decides as in 0002, in fewer statements: rows that are nearly always there are taken by an upsert or
a conditional update, and whether something is a repeat is found out by inserting it. And a reservation names the opt-in that its tokens beyond the ceiling stand on; a workload that has become regulated has a
hard cap, whatever was set before (COST-2).
``budgets_reserve_durably`` is what the decision path calls.
"""

import importlib

from django.db import migrations

FORMER = importlib.import_module("apps.budgets.migrations.0002_reserve").RESERVE.partition("revoke all")[0]

RESERVE = """
create or replace function budgets_reserve(ask jsonb) returns jsonb language plpgsql
-- A plan that was made while these tables were small would go on to read them whole.
set enable_seqscan = off set plan_cache_mode = force_generic_plan
as $$
declare
  this_tenant uuid := (ask->>'tenant')::uuid;
  this_workload uuid := (ask->>'workload')::uuid;
  this_user text := ask->>'user';
  this_month text := ask->>'month';
  this_request uuid := (ask->>'request')::uuid;
  this_session text := coalesce(ask->>'session', '');
  this_key text := coalesce(ask->>'key', '');
  this_credential uuid := (ask->>'credential')::uuid;
  moment timestamptz := (ask->>'at')::timestamptz;
  input bigint := (ask->>'input')::bigint;
  least_output bigint := (ask->>'least')::bigint;
  offer jsonb := ask->'primary';
  in_price numeric := (offer->>'input_price')::numeric;
  out_price numeric := (offer->>'output_price')::numeric;
  output bigint := (offer->>'output')::bigint;
  wanted bigint := output;
  gate record;
  counter budgets_usermonth%rowtype;
  purse budgets_workloadmonth%rowtype;
  former budgets_reservation%rowtype;
  used record;
  pattern text;
  decision text := 'admitted';
  reason text := 'within_budget';
  cost numeric;
  rest numeric;
  found_id uuid := (ask->>'id')::uuid;
  this_attempt int := (ask->>'attempt')::int;
  is_new boolean := false;
  setting text;
begin
  -- An assignment costs a fraction of what a statement does.
  setting := set_config('portal.tenant_id', ask->>'tenant', true);

  select tg.ceiling, tg.pattern, tg.disclosure, tg.opted_in_until, tg.opt_in_id, tg.tier_id, t.slug as tier, g.spend_cap,
         g.request_calls, g.request_tokens, g.request_money,
         g.session_calls, g.session_tokens, g.session_money,
         exists (select from budgets_closure c where c.tenant_id = this_tenant and c.credential = this_credential
                 and c.opened_at is null) as is_closed
    into gate
    from budgets_usertier t
    join budgets_tiergate tg on tg.tenant_id = t.tenant_id and tg.tier_id = t.id and tg.workload_id = this_workload
    join budgets_costgate g on g.tenant_id = tg.tenant_id and g.id = tg.gate_id
   where t.tenant_id = this_tenant
     and t.id = coalesce(
       (select s.tier_id from budgets_subject s where s.tenant_id = this_tenant and s.user_key = this_user),
       (select d.id from budgets_usertier d where d.tenant_id = this_tenant and d.is_default));
  if not found then
    return jsonb_build_object('decision', 'fallback', 'reason', 'gate_incomplete');
  end if;

  -- Whoever changes this user's month waits here; the row is there afterwards, and ours until the end.
  insert into budgets_usermonth as c (id, tenant_id, workload_id, user_key, month, settled, held, metered, created_at)
  values (gen_random_uuid(), this_tenant, this_workload, this_user, this_month, 0, 0, 0, moment)
  on conflict (tenant_id, workload_id, month, user_key) do update set held = c.held
  returning c.* into counter;

  if gate.is_closed then
    decision := 'refused'; reason := 'admissions_closed';
  end if;

  if decision <> 'refused' and (gate.request_calls is not null or gate.request_tokens is not null
                                or gate.request_money is not null) then
    select count(*) as calls, coalesce(sum(coalesce(r.used_input + r.used_output, r.held)), 0) as tokens,
           coalesce(sum(coalesce(r.cost, r.held_money)), 0) as money
      into used from budgets_reservation r
     where r.tenant_id = this_tenant and r.request_id = this_request and r.state <> 'released';
    if used.calls + 1 > gate.request_calls or used.tokens + input + output > gate.request_tokens
       or used.money + input * in_price + output * out_price > gate.request_money then
      decision := 'refused'; reason := 'runaway';
    end if;
  end if;
  if decision <> 'refused' and this_session <> '' and (gate.session_calls is not null
      or gate.session_tokens is not null or gate.session_money is not null) then
    select count(*) as calls, coalesce(sum(coalesce(r.used_input + r.used_output, r.held)), 0) as tokens,
           coalesce(sum(coalesce(r.cost, r.held_money)), 0) as money
      into used from budgets_reservation r
     where r.tenant_id = this_tenant and r.workload_id = this_workload and r.user_key = this_user
       and r.session = this_session and r.state <> 'released';
    if used.calls + 1 > gate.session_calls or used.tokens + input + output > gate.session_tokens
       or used.money + input * in_price + output * out_price > gate.session_money then
      decision := 'refused'; reason := 'runaway';
    end if;
  end if;

  pattern := gate.pattern;
  if pattern = 'metered' and (gate.opted_in_until is null or gate.opted_in_until <= moment)
     or pattern <> 'hard' and exists (select from workloads_workload w where w.tenant_id = this_tenant
                                       and w.id = this_workload and w.sensitivity = 'regulated') then
    pattern := 'hard';
  end if;
  if decision <> 'refused' and input + output > gate.ceiling - counter.settled - counter.held then
    if pattern = 'soft' and jsonb_typeof(ask->'budget') = 'object' then
      decision := 'degraded'; reason := 'soft_cap';
      offer := ask->'budget';
      in_price := (offer->>'input_price')::numeric;
      out_price := (offer->>'output_price')::numeric;
      output := (offer->>'output')::bigint;
      wanted := output;
    elsif pattern = 'metered' then
      decision := 'overage'; reason := 'metered';
    else
      output := gate.ceiling - counter.settled - counter.held - input;
      reason := 'cut_to_what_is_left';
      if output < least(least_output, wanted) then
        decision := 'refused'; reason := 'hard_cap';
      end if;
    end if;
  end if;

  if decision <> 'refused' then
    cost := input * in_price + output * out_price;
    if cost is null then
      decision := 'refused'; reason := 'unknown_price';
    end if;
  end if;
  if decision <> 'refused' then
    -- Nearly always there is enough: then one statement locks the workload's money, looks, and takes it.
    update budgets_workloadmonth p set held = p.held + cost
     where p.tenant_id = this_tenant and p.workload_id = this_workload and p.month = this_month
       and p.spent + p.held + cost <= gate.spend_cap;
    if not found then
      insert into budgets_workloadmonth as p (id, tenant_id, workload_id, month, spent, held, created_at)
      values (gen_random_uuid(), this_tenant, this_workload, this_month, 0, 0, moment)
      on conflict (tenant_id, workload_id, month) do update set held = p.held
      returning p.* into purse;
      rest := gate.spend_cap - purse.spent - purse.held - input * in_price;
      if cost > gate.spend_cap - purse.spent - purse.held then
        wanted := output;
        output := case when out_price > 0 then floor(rest / out_price) else -1 end;
        if output < least(least_output, wanted) then
          decision := 'refused'; reason := 'spend_cap';
        else
          cost := input * in_price + output * out_price;
          if reason = 'within_budget' then reason := 'cut_to_what_is_left'; end if;
        end if;
      end if;
      if decision <> 'refused' then
        update budgets_workloadmonth p set held = p.held + cost where p.tenant_id = this_tenant and p.id = purse.id;
      end if;
    end if;
  end if;

  if decision <> 'refused' then
    insert into budgets_reservation (
      id, tenant_id, workload_id, user_key, month, tier_id, request_id, attempt, session, idempotency_key, credential,
      decision, reason, pattern, requested_model, model, asked_input, held, held_money, metered, input_price,
      output_price, state, served_model, expires_at, version, opt_in_id, created_at)
    values (
      found_id, this_tenant, this_workload, this_user, this_month, gate.tier_id, this_request,
      this_attempt, this_session, this_key, this_credential, decision, reason, pattern,
      ask->'primary'->>'model', offer->>'model', input, input + output, cost, 0, in_price, out_price, 'held', '',
      (ask->>'expires')::timestamptz, coalesce(ask->>'version', ''),
      case pattern when 'metered' then gate.opt_in_id end, moment)
    on conflict do nothing;
    is_new := found;
    if not is_new then
      update budgets_workloadmonth p set held = p.held - cost
       where p.tenant_id = this_tenant and p.workload_id = this_workload and p.month = this_month;
    end if;
  end if;

  -- The same attempt again, or the same key, is the same reservation, also where there is no room for another one.
  if not is_new then
    select * into former from budgets_reservation r
     where r.tenant_id = this_tenant and r.request_id = this_request and r.attempt = this_attempt;
    if not found and this_key <> '' then
      select * into former from budgets_reservation r
       where r.tenant_id = this_tenant and r.credential = this_credential and r.idempotency_key = this_key
         and r.idempotency_key <> '';
    end if;
    if found then
      return jsonb_build_object(
        'decision', former.decision, 'reason', former.reason, 'id', former.id, 'request', former.request_id,
        'attempt', former.attempt, 'model', former.model, 'output', former.held - former.asked_input,
        'held', former.held, 'expires', former.expires_at, 'state', former.state, 'repeated', true,
        'is_same', former.workload_id = this_workload and former.user_key = this_user
          and former.credential = this_credential and former.asked_input = input,
        'tier', gate.tier, 'disclosure', case former.decision when 'degraded' then gate.disclosure else '' end,
        'ceiling', gate.ceiling, 'settled_total', counter.settled, 'held_total', counter.held);
    end if;
    if decision <> 'refused' then
      raise unique_violation using message = 'a reservation of that id is there already';
    end if;
    return jsonb_build_object(
      'decision', decision, 'reason', reason, 'tier', gate.tier, 'ceiling', gate.ceiling,
      'settled_total', counter.settled, 'held_total', counter.held,
      'is_exhausted', reason = 'hard_cap' and counter.held = 0 and not exists (
        select from budgets_budgetalert b
         where b.tenant_id = this_tenant and b.workload_id = this_workload and b.month = this_month
           and b.user_key = this_user and b.place = 3));
  end if;

  insert into budgets_entry (
    id, tenant_id, reservation_id, workload_id, user_key, month, kind, at, held, settled, metered, held_money, spent,
    by, reason, created_at)
  values (
    (ask->>'entry')::uuid, this_tenant, found_id, this_workload, this_user, this_month, 'hold', moment, input + output,
    0, 0, cost, 0, '', '', moment);
  update budgets_usermonth c set held = c.held + input + output where c.tenant_id = this_tenant and c.id = counter.id;
  return jsonb_build_object(
    'decision', decision, 'reason', reason, 'id', found_id, 'request', this_request,
    'attempt', this_attempt, 'model', offer->>'model', 'output', output, 'held', input + output,
    'expires', ask->>'expires', 'state', 'held', 'repeated', false, 'is_same', true, 'tier', gate.tier,
    'disclosure', case decision when 'degraded' then gate.disclosure else '' end,
    'ceiling', gate.ceiling, 'settled_total', counter.settled, 'held_total', counter.held + input + output);
end $$;
"""

DURABLY = """
create procedure budgets_reserve_durably(ask jsonb, inout answer jsonb) language plpgsql as $$
declare
  setting text;
  place pg_lsn;
begin
  setting := set_config('synchronous_commit', 'off', true);
  answer := budgets_reserve(ask);
  if answer ? 'id' then
    -- Whoever waits for these rows goes on now. What they build upon is before their own commit in the log, so it is
    -- on the disk whenever theirs is; and this call isn't answered before the next commit, which is synchronous.
    commit;
    place := pg_logical_emit_message(true, 'budgets', '');
  end if;
end $$;
revoke all on procedure budgets_reserve_durably(jsonb, jsonb) from public;
grant execute on procedure budgets_reserve_durably(jsonb, jsonb) to portal_app;
"""


class Migration(migrations.Migration):
    dependencies = [("budgets", "0005_leaner_indexes")]

    operations = [
        migrations.RunSQL(RESERVE, FORMER.replace("create function", "create or replace function")),
        migrations.RunSQL(DURABLY, "drop procedure budgets_reserve_durably(jsonb, jsonb)"),
    ]
