"""The pages about money and budgets, and the same over the API: who sees what, what each says, what it costs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.budgets.models import CostGate, Entry, Reservation, TierGate, UserMonth
from apps.budgets.months import Month, month_at, month_before
from apps.budgets.rules import Pattern
from apps.budgets.settling import expire
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import HAIKU, counters, gated, held, purse, settled
from tests.budgets.test_pages import CEILING, signed_in
from tests.pricing.cast import priced
from tests.world import World

PAGE = "/t/acme/workloads/W-01/cost/"
API = "/api/v1/t/acme/workloads/W-01/cost/"


@pytest.fixture
def alice(world: World) -> Client:
    return signed_in(world, "alice")


@pytest.fixture
def owner(world: World) -> Client:
    return Client(headers={"Authorization": f"Bearer {world.token('read', 'write', user=world.alice)}"})


def last_month() -> Month:
    return month_before(month_at(timezone.now(), "UTC"))


def used(world: World, at: datetime, given: int = 50, taken: int = 60, **asked: Any) -> Reservation:
    """A call of that instant, settled a second later."""
    found = held(world, now=at, **asked)
    settled(world, found, given, taken, now=at + timedelta(seconds=1))
    with tenant_transaction(world.tenant.id):
        return Reservation.objects.get(id=found.id)


def test_the_cost_page_draws_the_months_money_and_says_until_when_it_lasts(world: World, alice: Client) -> None:
    gated(world, ceiling=10_000, cap=Decimal("0.10"))
    used(world, timezone.now() - timedelta(seconds=5), 50, 60)
    page = alice.get(PAGE).content.decode()
    assert "Against the spend cap" in page
    assert "At the pace of the last 7 days the spend cap" in page
    assert "As a table" in page
    assert "0.0000 USD are held by calls in flight" in page


def test_everybody_near_a_ceiling_is_counted_whatever_page_they_are_on(world: World, alice: Client) -> None:
    """Thirty of them, and a page shows twenty-five."""
    gated(world)
    for model in ("sonnet-4", "sonnet-4.5"):
        priced(world, model)
    month = month_at(timezone.now(), "UTC").key
    with tenant_transaction(world.tenant.id):
        UserMonth.objects.bulk_create(
            UserMonth(
                tenant=world.tenant, workload=world.workload, month=month, user_key=f"user-{n}", settled=890 + n,
                created_at=timezone.now(),
            )
            for n in range(40)
        )  # fmt: skip
    for page in ("1", "2"):
        assert "30 users are at 90% of the month" in alice.get(PAGE, {"page": page}).content.decode()


def test_a_users_page_shows_each_call_and_why(world: World, alice: Client) -> None:
    now = timezone.now() - timedelta(minutes=1)
    gated(world, ceiling=260, pattern=Pattern.SOFT)
    used(world, now, budget=HAIKU)
    used(world, now + timedelta(seconds=2), 50, 20, budget=HAIKU)
    used(world, now + timedelta(seconds=4), budget=HAIKU)
    page = alice.get(f"{PAGE}users/u1/").content.decode()
    assert "0 of 260 tokens are left. The ceiling is reached." in page
    assert "too little was left for the usual model" in page
    assert "asked: sonnet-4.5" in page
    assert page.count("settled</td>") == 3
    assert "No call in this month" in alice.get(f"{PAGE}users/u1/", {"month": "last"}).content.decode()
    assert alice.get(f"{PAGE}users/nobody/").status_code == 404
    assert alice.get(f"{PAGE}users/a%00b/").status_code == 400


def test_a_call_is_corrected_with_a_reason_on_its_page(world: World, alice: Client) -> None:
    """COST-4: what expired counts in full until a person says what it was."""
    now = timezone.now() - timedelta(hours=1)
    gated(world)
    found = held(world, now=now)
    assert found.id is not None
    with tenant_transaction(world.tenant.id):
        expire(tenant_id=world.tenant.id, ids=[found.id], now=now + timedelta(minutes=11))
    assert counters(world) == (150, 0)
    address = f"{PAGE}calls/{found.id}/"
    assert "what it used isn't known" in alice.get(address).content.decode()
    said = {"input_tokens": "50", "output_tokens": "20", "reason": "the provider's log"}
    for wrong in ({"reason": " "}, {"input_tokens": "-1"}, {"output_tokens": "9" * 12}, {"output_tokens": ""}):
        assert alice.post(f"{address}correct/", {**said, **wrong}).status_code == 200
        assert counters(world) == (150, 0), wrong
    for name, status in (("bob", 403), ("audrey", 403), ("charlie", 404), ("mallory", 404)):
        assert signed_in(world, name).post(f"{address}correct/", said).status_code == status, name
    assert counters(world) == (150, 0)
    assert alice.post(f"{address}correct/", said).status_code == 302
    assert (counters(world), purse(world)) == ((70, 0), (Decimal("0.00045"), 0))
    page = alice.get(address).content.decode()
    assert "the provider&#x27;s log" in page and "Correct it" not in page
    again = alice.post(f"{address}correct/", said)
    assert "only what expired or settled is corrected" in again.content.decode()
    with tenant_transaction(world.tenant.id):
        assert Entry.objects.count() == 3
        assert AuditEntry.objects.filter(action="budget.corrected").count() == 1


def test_over_the_api_calls_are_listed_and_corrected(world: World, owner: Client) -> None:
    gated(world)
    call = used(world, timezone.now() - timedelta(minutes=1))
    users = owner.get(f"{API}users").json()["results"]
    assert [(row["user"], row["used"], row["ceiling"], row["name"]) for row in users] == [("u1", 110, 1_000, None)]
    calls = owner.get(f"{API}users/u1/calls").json()["results"]
    assert [(row["id"], row["used_input"], row["used_output"], row["state"]) for row in calls] == [
        (str(call.id), 50, 60, "settled")
    ]
    assert owner.get(f"{API}users/u1/calls?month=last").json()["results"] == []
    assert owner.get(f"{API}users/u1/calls?month=next").status_code == 400
    address, said = f"{API}calls/{call.id}/correct", {"input_tokens": 40, "output_tokens": 10, "reason": "log"}
    assert owner.post(address, {**said, "reason": ""}, content_type="application/json").status_code == 400
    assert owner.post(address, {**said, "input_tokens": -1}, content_type="application/json").status_code == 400
    reader = Client(headers={"Authorization": f"Bearer {world.token('read', user=world.audrey)}"})
    assert reader.post(address, said, content_type="application/json").status_code == 403
    assert counters(world) == (110, 0)
    done = owner.post(address, said, content_type="application/json")
    assert (done.status_code, done.json()["state"], counters(world)) == (200, "corrected", (50, 0))
    assert owner.post(address, said, content_type="application/json").status_code == 409


def test_swaps_say_what_they_saved_and_what_is_unknown(world: World, alice: Client, owner: Client) -> None:
    """The requested model's price of the day: 50 in at 3, 60 out at 15 per million are 0.00105; paid were 0.00035."""
    now = timezone.now() - timedelta(minutes=1)
    gated(world, ceiling=200, pattern=Pattern.SOFT)
    used(world, now, budget=HAIKU)
    used(world, now + timedelta(seconds=2), budget=HAIKU)
    held(world, now=now + timedelta(seconds=4), budget=HAIKU)
    priced(world, "sonnet-4.5", now.date(), "3", "15", now=now)
    page = alice.get(f"{PAGE}swaps/").content.decode()
    assert "2 of 3 calls were moved to the budget model, which saved 0.0007 USD." in page
    assert "1 call more: what it saved isn't known" in page
    assert "Too few answers were judged to compare" in page
    shown = owner.get(f"{API}swaps").json()
    assert (shown["calls"], shown["swapped"], shown["unknown"]) == (3, 2, 1)
    assert Decimal(shown["saved"][0]["saved"]) == Decimal("0.0007")
    assert shown["flags_swapped"] == {"judged": 0, "flagged": 0, "rate": None, "interval": [0.0, 1.0]}
    assert "No call was moved" in alice.get(f"{PAGE}swaps/", {"month": "last"}).content.decode()


def test_what_if_replays_last_month_and_its_address_can_be_passed_on(
    world: World, alice: Client, owner: Client
) -> None:
    gated(world, ceiling=10_000)
    at = last_month().start + timedelta(days=3)
    for n in range(4):
        used(world, at + timedelta(minutes=n))
    assert "Nothing is written." in alice.get(f"{PAGE}what-if/").content.decode()
    address = f"{PAGE}what-if/?month=last&tier=&ceiling=260&pattern=hard&spend_cap="
    page = alice.get(address).content.decode()
    assert "Of 4 calls 2 would have been refused." in page
    assert "Refused 2 at a user&#x27;s ceiling." in page
    assert signed_in(world, "audrey").get(address).status_code == 200
    shown = owner.get(f"{API}what-if", {"ceiling": "260"}).json()
    assert (shown["month"], shown["calls"], shown["is_cut"]) == (last_month().key, 4, False)
    assert (shown["was"]["refused"], shown["was"]["tokens"]) == (None, 440)
    assert (shown["would"]["refused"], shown["would"]["cut"], shown["would"]["tokens"]) == (2, 0, 220)
    assert shown["would"]["users_at_ceiling"] == 1
    with tenant_transaction(world.tenant.id):
        assert TierGate.objects.get().ceiling == 10_000


@pytest.mark.parametrize(
    "wrong",
    [{"ceiling": "0"}, {"ceiling": "x"}, {"pattern": "none"}, {"spend_cap": "-1"}, {"spend_cap": "NaN"},
     {"month": "2026"}, {"tier": "nothing"}],
)  # fmt: skip
def test_what_cannot_be_tried_is_said(world: World, alice: Client, owner: Client, wrong: dict[str, str]) -> None:
    gated(world)
    assert alice.get(f"{PAGE}what-if/", wrong).status_code == 400
    assert owner.get(f"{API}what-if", wrong).status_code in {400, 404}


def test_without_a_gate_there_is_nothing_to_replay(world: World, alice: Client, owner: Client) -> None:
    assert "No cost gate yet" in alice.get(f"{PAGE}what-if/", {"ceiling": "5"}).content.decode()
    assert owner.get(f"{API}what-if").status_code == 409
    for page in ("rightsizing", "sizing", "swaps"):
        assert alice.get(f"{PAGE}{page}/").status_code == 200, page


def test_rightsizing_says_what_last_month_would_have_cost_elsewhere(world: World, alice: Client, owner: Client) -> None:
    """COST-11: 50 in and 60 out; at 1 and 5 per million 0.00035 for each of two calls."""
    gated(world, ceiling=300)
    at = last_month().start + timedelta(days=3)
    with tenant_transaction(world.tenant.id):
        world.workload.budget_tier = "haiku-4.5"
        world.workload.primary_tier = "a-model-nobody-prices"
        world.workload.save(update_fields=["budget_tier", "primary_tier"])
    priced(world, "haiku-4.5", at.date(), "1", "5", now=timezone.now())
    for n in range(2):
        used(world, at + timedelta(minutes=n))
    shown = owner.get(f"{API}rightsizing").json()
    assert (shown["calls"], Decimal(shown["paid"]), shown["paid_unknown"]) == (2, Decimal("0.0021"), 0)
    models = {row["model"]: row for row in shown["models"]}
    assert (Decimal(models["haiku-4.5"]["cost"]), models["haiku-4.5"]["unknown"]) == (Decimal("0.0007"), 0)
    unpriced = models["a-model-nobody-prices"]
    assert (unpriced["cost"], unpriced["unknown"]) == (None, 2)
    page = alice.get(f"{PAGE}rightsizing/").content.decode()
    assert "2 calls cost 0.0021 USD. The cheapest model with a known price is haiku-4.5: 0.0007 USD." in page
    assert "-0.0014" in page and "primary model" in page


def test_a_ceiling_is_suggested_from_what_users_needed_and_set_with_the_ordinary_form(
    world: World, alice: Client, owner: Client
) -> None:
    """COST-8, CAP-3"""
    gated(world, ceiling=100_000)
    at = last_month().start + timedelta(days=3)
    for n in range(3):
        used(world, at + timedelta(minutes=n), session="s" if n < 2 else "")
    used(world, at, 50, 25, user_key="u2")
    shown = owner.get(f"{API}sizing").json()["suggestions"]
    assert [(row["tier"], row["ceiling"], row["suggested"]) for row in shown] == [("standard", 100_000, 330)]
    assert shown[0]["seen"] == {"users": 2, "calls": 4, "p50": 75, "p90": 330, "p99": 330, "at_ceiling": 0}
    assert shown[0]["factors"]["sessions"] == "1.5000" and shown[0]["need"] == 203, "405 tokens of two users"
    page = alice.get(f"{PAGE}sizing/").content.decode()
    assert "The ceilings fit what users needed last month." in page
    assert "Use 330 for Standard" in page
    assert "Use 330" not in signed_in(world, "audrey").get(f"{PAGE}sizing/").content.decode()
    form = alice.get(f"{PAGE}tiers/standard/?ceiling=330").content.decode()
    assert 'name="ceiling" value="330"' in form
    for odd in ("x", "9" * 40, "-5", "²"):
        assert 'name="ceiling" value="100000"' in alice.get(f"{PAGE}tiers/standard/", {"ceiling": odd}).content.decode()


def test_an_estimate_is_worked_out_or_refused_with_its_reason(world: World, alice: Client, owner: Client) -> None:
    estimate = {"sessions": "20", "turns": "4", "input": "1500", "output": "400", "multiplier": "1"}
    whole = {**estimate, "tool_call_factor": "1.5", "retry_factor": "1.1"}
    assert "250,800 tokens" in alice.get(f"{PAGE}sizing/", whole).content.decode()
    assert owner.get(f"{API}sizing", estimate).json()["need"] == 152_000
    assert owner.get(f"{API}sizing").json()["need"] is None
    for wrong in ({"sessions": "-1"}, {"sessions": ""}, {"turns": "x"}, {"retry_factor": "0.2"}, {"input": "1e99"}):
        assert alice.get(f"{PAGE}sizing/", {**whole, **wrong}).status_code == 400, wrong
        assert owner.get(f"{API}sizing", {**whole, **wrong}).status_code == 400, wrong
    assert "Estimate sessions" in alice.get(f"{PAGE}sizing/", {**whole, "sessions": ""}).content.decode()


def test_a_gate_older_than_a_quarter_is_flagged_for_sizing(world: World, alice: Client, owner: Client) -> None:
    """COST-8"""
    gated(world)
    with tenant_transaction(world.tenant.id):
        CostGate.objects.update(sized_at=timezone.now())
    assert "more than a quarter ago" not in alice.get(PAGE).content.decode()
    assert owner.get(f"{API}sizing").json()["is_due"] is False
    with tenant_transaction(world.tenant.id):
        CostGate.objects.update(sized_at=timezone.now() - timedelta(days=93))
    assert "These ceilings were sized more than a quarter ago." in alice.get(PAGE).content.decode()
    assert f'<a href="{PAGE}sizing/">Size them again</a>' in alice.get("/t/acme/").content.decode(), "and at home"
    assert "size them again" in alice.get(f"{PAGE}sizing/").content.decode()
    assert owner.get(f"{API}sizing").json()["is_due"] is True
    alice.post(f"{PAGE}tiers/standard/", CEILING)
    assert owner.get(f"{API}sizing").json()["is_due"] is False


@pytest.mark.parametrize("path", ["", "users/u1/", "swaps/", "what-if/?ceiling=9", "rightsizing/", "sizing/"])
def test_charlie_and_mallory_see_none_of_it(world: World, path: str) -> None:
    gated(world)
    used(world, datetime.now(UTC) - timedelta(minutes=1))
    assert signed_in(world, "alice").get(f"{PAGE}{path}").status_code == 200, "there is something to see"
    for name in ("charlie", "mallory"):
        assert signed_in(world, name).get(f"{PAGE}{path}").status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("users/u1/?month=last", 17),
        ("swaps/?month=last", 14),
        ("what-if/?month=last&ceiling=200", 18),
        ("rightsizing/", 18),
        ("sizing/", 16),
    ],
)
def test_each_page_costs_the_same_at_one_row_and_at_three(
    world: World, alice: Client, path: str, expected: int, rows: int, django_assert_num_queries: Any
) -> None:
    gated(world, ceiling=100, pattern=Pattern.SOFT)
    at = last_month().start + timedelta(days=3)
    for n in range(rows):
        used(world, at + timedelta(minutes=n), budget=HAIKU)
    alice.get(f"{PAGE}{path}")
    with django_assert_num_queries(expected):
        assert alice.get(f"{PAGE}{path}").status_code == 200
