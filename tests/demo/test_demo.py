"""The demo: a person for each role, everything through the actions, and a second run that adds nothing."""

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from apps.budgets import gates, presenter, queries
from apps.budgets.models import Closure, Reservation, Subject, TierGate
from apps.budgets.months import month_at
from apps.feedback.models import Desk, Report
from apps.gates.models import Evidence
from apps.pricing import queries as prices
from apps.pricing.models import ModelPrice
from apps.rollouts.machine import State
from apps.rollouts.models import Rollout
from apps.runbooks.models import Drill
from apps.tenants.models import Tenant
from apps.tenants.queries import tenant_by_slug
from apps.tenants.roles import Role
from apps.workloads.models import Workload
from demo import data, simulator
from portal.tenancy.context import tenant_transaction

MODELS = ("gpt-4o-mini", "haiku", "opus", "sonnet")


def test_there_is_somebody_for_each_role() -> None:
    assert {role for _, _, roles in data.PEOPLE for role in roles} == set(Role)


def test_two_tenants_with_three_rollouts_on_their_way_and_a_second_run_adds_nothing(db: None, tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    for _ in range(2):
        data.build(now=datetime.now(UTC), tokens_file=file)
        tenant = tenant_by_slug("meridian")
        assert tenant is not None
        with tenant_transaction(tenant.id):
            assert sorted(Workload.objects.values_list("key", flat=True)) == ["W-01", "W-02", "W-03", "W-04", "W-05"]
            assert list(Rollout.objects.values_list("state", flat=True)) == [State.RUNNING] * 3
            assert list(Drill.objects.values_list("outcome", flat=True)) == ["passed"] * 3
            assert Evidence.objects.filter(kind="exception_matrix").count() == 3
            assert Report.objects.count() == 5 and Desk.objects.count() == 3
            assert ModelPrice.objects.count() == 4
            day = datetime.now(UTC).date()
            found = prices.prices(tenant.id, prices.models_in_use(tenant.id), day)
            assert {model: price.is_complete for model, price in found.items()} == dict.fromkeys(MODELS, True)
            _look_at_costs(tenant)
            assert found["gpt-4o-mini"].source.startswith("genai-prices") and "Fiona" in found["opus"].source
    assert file.stat().st_mode & 0o077 == 0


def _look_at_costs(tenant: Tenant) -> None:
    """Every gate is complete; of the people one was moved to the smaller model and others are near their ceiling."""
    day = datetime.now(UTC).date()
    assert [gates.look(workload, day)[1] for workload in Workload.objects.all()] == [[]] * 5
    assert set(TierGate.objects.values_list("pattern", flat=True)) == {"hard", "soft", "metered"}
    month = month_at(datetime.now(UTC), tenant.time_zone).key
    fred = Subject.objects.get(member__email="fred@meridian.example")
    moved = Reservation.objects.get(decision="degraded")
    assert (moved.user_key, moved.model, moved.month) == (fred.user_key, "haiku", month)
    support = Workload.objects.get(key="W-01")
    near = [presenter.name(row) for row in queries.users(support, month) if presenter.is_near(row)]
    assert sorted(near) == ["Blaulicht e. V.", "Fred Castillo"]
    assert set(Reservation.objects.values_list("state", flat=True)) == {"settled"}
    assert Reservation.objects.count() == 160 and not Closure.objects.exists()


def test_an_agents_call_is_held_made_within_its_limit_and_settled_with_what_its_span_says() -> None:
    portal = Spoken()
    simulator._second(portal, random.Random(1), "meridian", "W-01", simulator.HEALTHY)  # type: ignore[arg-type]
    assert len(portal.held) == len(portal.settled) == simulator.CALLS_PER_SECOND
    assert portal.held == [f"hold-{n}" for n in range(simulator.CALLS_PER_SECOND)]
    for span in portal.spans:
        said = {a.key: a.value for a in span.attributes}
        assert said["gen_ai.usage.output_tokens"].int_value <= Spoken.LIMIT
        assert said["causeway.request_id"].string_value.startswith("request-")
        assert said["causeway.attempt"].int_value == 1
    assert portal.settled == portal.held


class Spoken:
    """A portal that sends everybody to the agent and notes what it is told."""

    LIMIT = 90

    def __init__(self) -> None:
        self.held: list[str] = []
        self.settled: list[str] = []
        self.spans: list[Span] = []

    def decide(self, workload: str, unit: str) -> dict[str, Any]:
        common = {"workload": workload, "version": "1.1", "model": "m", "arm": "agent", "handler": "agent"}
        return {**common, "rollout": "r", "phase": 1, "share": 5}

    def dispatch(self, workload: str, unit: str, input_tokens: int) -> dict[str, Any]:
        hold = f"hold-{len(self.held)}"
        self.held.append(hold)
        told = self.decide(workload, unit)
        return {
            **{name: told[name] for name in ("handler", "version", "arm", "model")},
            "request_id": f"request-{len(self.held)}",
            "max_output_tokens": self.LIMIT,
            "reservation": {"id": hold},
        }

    def export(self, spans: list[Span]) -> None:
        self.spans += spans

    def settle(self, reservation: str, span: Span) -> None:
        assert span in self.spans
        self.settled.append(reservation)

    def react(self, tenant: str, workload: str, reactions: list[dict[str, str]]) -> None:
        pass


def test_the_simulator_fails_only_as_its_profile_says_of_what_it_was_told() -> None:
    decision = {
        "workload": "W-02",
        "version": "1.1",
        "model": "m",
        "arm": "agent",
        "rollout": "r",
        "phase": 1,
        "share": 10,
        "request_id": "r",
    }

    def errors(share: float, arm: str) -> int:
        rng = random.Random(1)
        told = {**decision, "share": share, "arm": arm}
        spans = [simulator._span(rng, "u", told, simulator.TURNS_BAD) for _ in range(500)]
        values = [next(a.value.string_value for a in s.attributes if a.key == "causeway.outcome") for s in spans]
        return values.count("error")

    assert errors(10, "agent") < 10
    assert errors(25, "agent") > 100
    assert errors(25, "control") < 10


def test_an_agent_that_loses_trust_makes_no_more_errors_than_before() -> None:
    decision = {"workload": "W-03", "version": "1.1", "model": "m", "rollout": "r", "phase": 1, "request_id": "r"}

    def rechecked(share: float, arm: str) -> tuple[int, int]:
        rng, told = random.Random(1), {**decision, "share": share, "arm": arm}
        said = [simulator._reaction(rng, "u", told, simulator.LOSES_TRUST) for _ in range(500)]
        spans = [simulator._span(rng, "u", told, simulator.LOSES_TRUST) for _ in range(500)]
        failed = [a.value.string_value for s in spans for a in s.attributes if a.key == "causeway.outcome"]
        return sum(each is not None and each["kind"] == "rechecked" for each in said), failed.count("error")

    few, none = rechecked(5, "agent")
    many, still_none = rechecked(10, "agent")
    assert few < 30 < 120 < many
    assert max(none, still_none) < 10
    assert rechecked(10, "control")[0] < 30
