"""The demo: a person for each role, everything through the actions, and a second run that adds nothing."""

import random
from datetime import UTC, datetime
from pathlib import Path

from apps.feedback.models import Desk, Report
from apps.gates.models import Evidence
from apps.pricing import queries as prices
from apps.pricing.models import ModelPrice
from apps.rollouts.machine import State
from apps.rollouts.models import Rollout
from apps.runbooks.models import Drill
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
            assert found["gpt-4o-mini"].source.startswith("genai-prices") and "Fiona" in found["opus"].source
    assert file.stat().st_mode & 0o077 == 0


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
