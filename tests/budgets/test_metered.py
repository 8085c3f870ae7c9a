"""COST-2, APPR-1 to APPR-4: a tier goes on beyond its ceiling only on a signed opt-in, and only while that is what was
signed; every call that stands on one can be shown.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.approvals import breakglass
from apps.approvals import queries as signing
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules import Verdict
from apps.audit.models import AuditEntry
from apps.budgets import actions
from apps.budgets.actions import Brake, Ceiling
from apps.budgets.metered import actions as metered
from apps.budgets.metered import ledger
from apps.budgets.metered.queries import metered_tier
from apps.budgets.models import CostGate, MeteredOptIn, Reservation, TierGate, UserMonth
from apps.budgets.months import month_at
from apps.budgets.rules import Decision, Pattern
from apps.ownership.models import Notification
from apps.tenants.models import Membership
from apps.workloads.models import Workload
from portal.errors import Forbidden, Invalid, Refused
from portal.models import OutboxMessage
from portal.outbox import actions as outbox
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import gated, held, settled
from tests.signing import sign
from tests.world import NOW, SETUP, World

DAY = timedelta(days=1)
PAGE = "/t/acme/workloads/W-01/cost/"
API = "/api/v1/t/acme/workloads/W-01/cost/"


@pytest.fixture
def world(world: World) -> World:
    """Everybody's tier is metered, with a ceiling of 150 tokens: one call of the tests' size."""
    gated(world, ceiling=150, pattern=Pattern.METERED, cap=Decimal(500))
    return world


def asked(world: World, until: datetime = NOW + 90 * DAY, now: datetime = NOW) -> MeteredOptIn:
    with tenant_transaction(world.tenant.id):
        return metered.ask(
            row=metered_tier(world.workload, "standard"),
            until=until,
            reason="the campaign in December",
            requester=world.alice,
            actor=world.actor(world.alice),
            now=now,
        )


def request_of(opt_in: MeteredOptIn) -> ApprovalRequest:
    found = signing.latest(opt_in.tenant_id, "opt_in", opt_in.id)
    assert found is not None
    return found


def granted(world: World, until: datetime = NOW + 90 * DAY, now: datetime = NOW) -> MeteredOptIn:
    opt_in = asked(world, until, now)
    with tenant_transaction(world.tenant.id):
        sign(request_of(opt_in), world.adam, world.actor(world.adam), now)
        opt_in.refresh_from_db()
    return opt_in


def over(world: World, now: datetime = NOW, **changes: Any) -> Decision:
    """What a call beyond the ceiling gets; the first fills it up."""
    held(world, now=now, **changes)
    return held(world, now=now, **changes).decision


def in_force(world: World) -> tuple[Any, Any]:
    with tenant_transaction(world.tenant.id):
        row = TierGate.objects.get()
        return row.opt_in_id, row.opted_in_until


def test_one_admins_signature_lets_a_metered_tier_go_on(world: World) -> None:
    """COST-2, APPR-4"""
    assert over(world, user_key="u0") is Decision.REFUSED
    opt_in = granted(world)
    assert (opt_in.signed_by, opt_in.granted_at, opt_in.cap, opt_in.ceiling) == ("Adam", NOW, Decimal(500), 150)
    assert in_force(world) == (opt_in.id, NOW + 90 * DAY)
    assert over(world) is Decision.OVERAGE
    assert over(world, now=NOW + 90 * DAY, user_key="u2") is Decision.REFUSED, "it ends by itself"
    with tenant_transaction(world.tenant.id):
        actions_done = [e.action for e in AuditEntry.objects.filter(action__startswith="budget.opt_in").order_by("seq")]
    assert actions_done == ["budget.opt_in_asked", "budget.opt_in_granted"]


def test_nobody_signs_what_they_asked_for_or_own_and_no_approver_does(world: World) -> None:
    """APPR-2: not even an admin who asked."""
    with tenant_transaction(world.tenant.id):
        Membership.objects.filter(tenant=world.tenant, user=world.alice).update(roles=["admin", "workload_owner"])
        opt_in = asked(world)
        for name, code in (("alice", "excluded"), ("erin", "role_missing"), ("gina", "role_missing")):
            person = getattr(world, name)
            with pytest.raises(Forbidden) as refusal:
                sign(request_of(opt_in), person, world.actor(person), NOW)
            assert refusal.value.code == code, name
    assert in_force(world) == (None, None)
    assert over(world) is Decision.REFUSED


def test_break_glass_lifts_no_hard_cap(world: World) -> None:
    """STAGE-4"""
    opt_in = asked(world)
    with tenant_transaction(world.tenant.id):
        request = request_of(opt_in)
        with pytest.raises(Refused, match="nothing else lifts that"):
            breakglass.break_glass(
                request=request,
                person=world.erin,
                seen=request.digest,
                reason="urgent",
                actor=world.actor(world.erin),
                now=NOW,
            )
    page = signed_in(world, "erin").get(f"/t/acme/approvals/{request.id}/").content.decode()
    assert "reak the glass" not in page and "break-glass" not in page
    assert in_force(world) == (None, None)


def test_without_one_it_says_so_on_every_page(world: World) -> None:
    page = signed_in(world, "alice").get(PAGE).content.decode()
    assert "No opt-in is in force: it is a hard cap until a tenant admin signs one." in page
    page = signed_in(world, "audrey").get(f"{PAGE}metered/").content.decode()
    assert "without a signed opt-in a metered tier is a hard cap" in page
    assert "Ask for the opt-in" not in page, "seeing isn't asking"


def change_ceiling(world: World) -> None:
    gate = CostGate.objects.select_related("workload").get()
    row = TierGate.objects.select_related("tier").get()
    wanted = Ceiling(140, Pattern.METERED)
    actions.set_ceiling(gate=gate, tier=row.tier, ceiling=wanted, actor=SETUP, now=NOW)


def change_pattern(world: World) -> None:
    gate = CostGate.objects.select_related("workload").get()
    row = TierGate.objects.select_related("tier").get()
    actions.set_ceiling(gate=gate, tier=row.tier, ceiling=Ceiling(150, Pattern.HARD), actor=SETUP, now=NOW)


def change_cap(world: World, cap: Decimal = Decimal(501)) -> None:
    actions.set_gate(
        workload=world.workload, spend_cap=cap, billing_contact=world.alice, brake=Brake(), actor=SETUP, now=NOW
    )


@pytest.mark.parametrize("change", [change_ceiling, change_pattern, change_cap])
def test_what_was_signed_ends_with_what_it_was_about(world: World, change: Callable[[World], None]) -> None:
    """APPR-1"""
    opt_in = granted(world)
    with tenant_transaction(world.tenant.id):
        change(world)
        opt_in.refresh_from_db()
        assert (opt_in.ended_at, opt_in.end_reason) == (NOW, "the approval was fallen")
        assert request_of(opt_in).state == "fallen"
    assert in_force(world) == (None, None)
    assert over(world) is Decision.REFUSED


def test_what_changes_nothing_and_a_lower_cap_leave_it_in_force(world: World) -> None:
    """APPR-1: a save that changes nothing drops nothing; less than what was signed is within it."""
    opt_in = granted(world)
    with tenant_transaction(world.tenant.id):
        gate, row = CostGate.objects.select_related("workload").get(), TierGate.objects.select_related("tier").get()
        same = Ceiling(150, Pattern.METERED, "", (60, 80, 100))
        actions.set_ceiling(gate=gate, tier=row.tier, ceiling=same, actor=SETUP, now=NOW)
        change_cap(world, Decimal(400))
        change_cap(world, Decimal("500.00"))
    assert in_force(world) == (opt_in.id, NOW + 90 * DAY)
    assert over(world) is Decision.OVERAGE


def test_a_request_that_waits_follows_the_ceiling_and_goes_with_the_pattern(world: World) -> None:
    opt_in = asked(world)
    with tenant_transaction(world.tenant.id):
        seen = request_of(opt_in).digest
        change_ceiling(world)
        with pytest.raises(Refused, match="This changed since you looked: ceiling"):
            sign(request_of(opt_in), world.adam, world.actor(world.adam), NOW, seen=seen)
        change_pattern(world)
        opt_in.refresh_from_db()
        assert request_of(opt_in).state == "withdrawn"
        assert opt_in.standing(NOW) == "ended"


def test_a_regulated_workload_is_a_hard_cap_whatever_was_signed_before(world: World) -> None:
    """COST-2"""
    granted(world)
    assert over(world) is Decision.OVERAGE
    with tenant_transaction(world.tenant.id):
        Workload.objects.filter(id=world.workload.id).update(sensitivity="regulated")
    assert over(world, user_key="u2") is Decision.REFUSED


@pytest.mark.parametrize(("until", "code"), [(NOW, "until"), (NOW + 367 * DAY, "until"), (NOW - DAY, "until")])
def test_it_ends_in_the_future_and_within_twelve_months(world: World, until: datetime, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        asked(world, until)
    assert refusal.value.code == code
    with tenant_transaction(world.tenant.id):
        assert not MeteredOptIn.objects.exists()


def test_another_takes_its_place_without_a_gap_and_two_never_wait(world: World) -> None:
    first = granted(world)
    second = asked(world, NOW + 180 * DAY)
    with pytest.raises(Refused, match="waits for its signature already"):
        asked(world)
    assert over(world) is Decision.OVERAGE, "the first goes on meanwhile"
    with tenant_transaction(world.tenant.id):
        sign(request_of(second), world.adam, world.actor(world.adam), NOW + DAY)
        first.refresh_from_db()
    assert (first.ended_at, first.end_reason) == (NOW + DAY, "another one took its place")
    assert in_force(world) == (second.id, NOW + 180 * DAY)


@pytest.mark.parametrize("who", ["adam", "alice"])
def test_admin_and_owner_end_it_at_once_with_a_reason(world: World, who: str) -> None:
    opt_in = granted(world, timezone.now() + DAY)
    client, address = signed_in(world, who), f"{PAGE}metered/{opt_in.id}/end/"
    assert client.post(address, {"reason": " "}).status_code == 400
    assert in_force(world)[0] == opt_in.id
    assert client.post(address, {"reason": "the budget is gone"}).status_code == 302
    assert over(world) is Decision.REFUSED
    assert client.post(address, {"reason": "again"}).status_code == 409
    with tenant_transaction(world.tenant.id):
        opt_in.refresh_from_db()
    assert (opt_in.ended_by, opt_in.end_reason) == (f"{who}@example.org", "the budget is gone")
    assert "the budget is gone" in client.get(f"{PAGE}metered/").content.decode()


def test_nobody_else_asks_or_ends(world: World) -> None:
    opt_in = granted(world, timezone.now() + DAY)
    for name, status in (("bob", 403), ("audrey", 403), ("erin", 403), ("charlie", 404), ("mallory", 404)):
        client = signed_in(world, name)
        assert client.post(f"{PAGE}metered/{opt_in.id}/end/", {"reason": "r"}).status_code == status, name
        assert client.post(f"{PAGE}metered/standard/ask/", {}).status_code == status, name
    assert in_force(world)[0] == opt_in.id


def test_it_is_asked_for_on_its_page_and_signed_under_approvals(world: World) -> None:
    alice, last = signed_in(world, "alice"), (timezone.now() + 30 * DAY).date()
    page = alice.get(f"{PAGE}metered/standard/ask/").content.decode()
    assert "500.00 USD a month, the workload's spend cap" in page
    answer = alice.post(f"{PAGE}metered/standard/ask/", {"last_day": "2031-01-01", "reason": "r"})
    assert answer.status_code == 400 and "within twelve months" in answer.content.decode()
    answer = alice.post(f"{PAGE}metered/standard/ask/", {"last_day": f"{last}", "reason": "December"})
    with tenant_transaction(world.tenant.id):
        opt_in = MeteredOptIn.objects.get()
        request = request_of(opt_in)
        assert opt_in.until == datetime.combine(last + DAY, datetime.min.time(), tzinfo=timezone.get_default_timezone())
    assert answer.headers["Location"] == f"/t/acme/approvals/{request.id}/"
    adam = signed_in(world, "adam")
    assert request.title in adam.get("/t/acme/approvals/").content.decode()
    body = {"verdict": "approve", "seen": request.digest}
    assert adam.post(f"/t/acme/approvals/{request.id}/sign/", body).status_code == 302
    assert in_force(world)[0] == opt_in.id
    assert "Opted in: what is used beyond it is billed. That ends" in alice.get(PAGE).content.decode()
    form = alice.get(f"{PAGE}tiers/standard/").content.decode()
    assert "Another ceiling or pattern ends the signed opt-in of Standard" in form
    assert "A spend cap above 500.00 ends" in alice.get(f"{PAGE}gate/").content.decode()


def test_who_asked_and_the_owner_hear_a_week_before_it_ends(live_world: World) -> None:
    gated(live_world, ceiling=150, pattern=Pattern.METERED)
    opt_in = granted(live_world, timezone.now() + 20 * DAY, timezone.now())
    with tenant_transaction(live_world.tenant.id):
        message = OutboxMessage.objects.get(topic="budget.opt_in_ends")
    assert message.due_at == opt_in.until - 7 * DAY
    for _ in range(2):
        outbox.deliver(tenant_id=live_world.tenant.id, message_ids=[message.id], now=message.due_at)
    with tenant_transaction(live_world.tenant.id):
        told = Notification.objects.filter(title="W-01: metered billing of Standard ends soon")
        assert [row.person for row in told] == [live_world.alice]


# The ledger.


def used_beyond(world: World, calls: int = 2, now: datetime = NOW, **changes: Any) -> None:
    """One call within the ceiling of 150, then so many wholly beyond it."""
    for _ in range(calls + 1):
        settled(world, held(world, now=now, **changes), 50, 100, now=now)


def test_the_ledger_names_each_call_its_opt_in_and_its_share_of_the_cost(world: World) -> None:
    opt_in = granted(world)
    with tenant_transaction(world.tenant.id):
        tier = TierGate.objects.select_related("tier").get().tier
        actions.put_subject(tier=tier, user_key="u1", label="=Ann", actor=SETUP)
    settled(world, held(world), 50, 40)
    settled(world, held(world), 50, 70)
    month = month_at(NOW, "UTC").key
    with tenant_transaction(world.tenant.id):
        (row,) = ledger.rows(world.workload, month)
        told = ledger.told(row, "USD")
        # 90 within 150; of the 120 after that 60 lie beyond, half of 50 x 0.000003 + 70 x 0.000015.
        assert (told["tokens"], told["metered_tokens"], told["metered_cost"]) == (120, 60, "0.0006")
        assert (told["user"], told["opt_in"], told["attempt"]) == ("=Ann", str(opt_in.id), 1)
        assert (told["input_price"], told["output_price"]) == ("0.000003", "0.000015")
        totals = ledger.totals(world.workload, month)
        assert (totals.calls, totals.tokens, totals.cost, totals.unknown) == (1, 60, Decimal("0.0006"), 0)
        assert UserMonth.objects.get().metered == 60, "the counter says the same"


def test_its_tokens_are_the_months_counters_and_an_unknown_price_is_not_zero(world: World) -> None:
    """COST-4"""
    granted(world)
    used_beyond(world), used_beyond(world, user_key="u2")
    settled(world, held(world), 50, 100, model="mystery-1")
    with tenant_transaction(world.tenant.id):
        Reservation.objects.filter(served_model="mystery-1").update(cost=None)
        month = month_at(NOW, "UTC").key
        totals = ledger.totals(world.workload, month)
        assert totals.tokens == sum(UserMonth.objects.values_list("metered", flat=True)) == 750
        assert (totals.calls, totals.unknown) == (5, 1)
        last = list(ledger.rows(world.workload, month))[-1]
        told = ledger.told(last, "USD")
    assert (told["model"], told["metered_cost"], told["input_price"]) == ("mystery-1", None, None)


def test_it_leaves_as_csv_and_json_lines_and_no_spreadsheet_runs_it(world: World) -> None:
    now = timezone.now()
    opt_in = granted(world, now + DAY)
    with tenant_transaction(world.tenant.id):
        tier = TierGate.objects.select_related("tier").get().tier
        actions.put_subject(tier=tier, user_key="u1", label="=Ann", actor=SETUP)
    used_beyond(world, now=now)
    audrey = signed_in(world, "audrey")
    answer = audrey.get(f"{PAGE}ledger/csv/")
    head, *lines = text(answer).splitlines()
    assert head.split(",")[:4] == ["when", "user", "user_key", "request_id"]
    assert len(lines) == 2 and ",'=Ann,u1," in lines[0] and str(opt_in.id) in lines[0]
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="W-01-metered-')
    rows = [json.loads(line) for line in text(audrey.get(f"{PAGE}ledger/jsonl/")).splitlines()]
    assert [(row["metered_tokens"], row["metered_cost"]) for row in rows] == [(150, "0.00165")] * 2
    assert audrey.get(f"{PAGE}ledger/xlsx/").status_code == 404
    assert audrey.get(f"{PAGE}ledger/?month=2020-01@UTC").status_code == 404
    page = audrey.get(f"{PAGE}ledger/").content.decode()
    assert "300 tokens beyond ceilings in 2 calls cost 0.0033 USD." in page


@pytest.mark.parametrize("rows", [1, 3])
def test_pages_cost_the_same_at_one_row_and_at_three(world: World, rows: int, django_assert_num_queries: Any) -> None:
    now = timezone.now()
    for number in range(rows):
        granted(world, now + (number + 1) * DAY, now)
    used_beyond(world, rows, now=now)
    alice = signed_in(world, "alice")
    alice.get(PAGE)
    with django_assert_num_queries(16):
        assert alice.get(f"{PAGE}metered/").content.decode().count(">Standard</td>") == rows
    with django_assert_num_queries(15):
        assert alice.get(f"{PAGE}ledger/").content.decode().count("attempt 1") == rows


def test_over_the_api_it_is_asked_listed_ended_and_read(world: World) -> None:
    now = timezone.now()
    owner = Client(headers={"Authorization": f"Bearer {world.token('read', 'write', user=world.alice)}"})
    reader = Client(headers={"Authorization": f"Bearer {world.token('read', user=world.audrey)}"})
    wanted = {"tier": "standard", "until": (now + 30 * DAY).isoformat(), "reason": "December"}
    assert reader.post(f"{API}opt-ins", wanted, content_type="application/json").status_code == 403
    for wrong, status in (
        ({"tier": "none"}, 404),
        ({"until": "2031-01-01T00:00:00Z"}, 400),
        ({"until": "9999-12-31T23:59:59Z"}, 400),
        ({"reason": " "}, 400),
        ({"reason": "x" * 501}, 400),
    ):
        answer = owner.post(f"{API}opt-ins", {**wanted, **wrong}, content_type="application/json")
        assert answer.status_code == status, wrong
    made = owner.post(f"{API}opt-ins", wanted, content_type="application/json")
    assert (made.status_code, made.json()["state"], made.json()["cap"]) == (201, "asked", "500.00")
    with tenant_transaction(world.tenant.id):
        opt_in = MeteredOptIn.objects.get()
        sign(request_of(opt_in), world.adam, world.actor(world.adam), now, Verdict.APPROVE)
    used_beyond(world, now=now)
    (listed,) = reader.get(f"{API}opt-ins").json()["results"]
    assert (listed["state"], listed["signed_by"]) == ("granted", "Adam")
    shown = reader.get(f"{API}ledger").json()
    assert (shown["count"], {row["opt_in"] for row in shown["results"]}) == (2, {str(opt_in.id)})
    assert len(text(reader.get(f"{API}ledger/csv")).splitlines()) == 3
    ended = f"{API}opt-ins/{opt_in.id}/end"
    assert reader.post(ended, {"reason": "r"}, content_type="application/json").status_code == 403
    assert owner.post(ended, {"reason": "r"}, content_type="application/json").json()["state"] == "ended"


def test_a_call_names_what_it_stood_on_when_it_was_admitted(world: World) -> None:
    """Not what is in force when it is settled."""
    opt_in = granted(world)
    first, second = held(world), held(world)
    with tenant_transaction(world.tenant.id):
        metered.revoke(opt_in=opt_in, actor=world.actor(world.adam), reason="enough", now=NOW)
    settled(world, first, 50, 100)
    settled(world, second, 50, 100)
    with tenant_transaction(world.tenant.id):
        row = Reservation.objects.get(id=second.id)
        assert (row.opt_in_id, row.metered) == (opt_in.id, 150)


def text(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


def signed_in(world: World, name: str) -> Client:
    client = Client()
    client.force_login(world.people[name])
    return client
