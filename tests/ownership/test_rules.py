"""H6 as a rule: three jobs with somebody each, nobody with all three, and a rota without a gap for a month."""

from typing import Any

import pytest

from apps.ownership.rules import shortcomings, team_shortcomings

THREE = {"optimizer": ["a"], "engineer": ["b"], "responder": ["c"]}
GOOD = {"named": THREE, "rota": "Support", "has_target": True, "covered_days": 30.0}


@pytest.mark.parametrize(
    ("named", "problems"),
    [
        (THREE, []),
        ({**THREE, "responder": ["b"]}, []),
        ({**THREE, "responder": []}, ["Nobody is named as Incident responder."]),
        ({}, ["Nobody is named as Workflow optimizer, AI-data engineer, Incident responder."]),
        ({key: ["a"] for key in THREE}, ["One person does all three jobs; one may do two at most."]),
        (
            {"optimizer": ["a", "b"], "engineer": ["a"], "responder": ["a", "c"]},
            ["One person does all three jobs; one may do two at most."],
        ),
    ],
)
def test_one_person_does_two_jobs_at_most_and_each_has_somebody(named: Any, problems: list[str]) -> None:
    assert team_shortcomings(named) == problems


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({}, []),
        ({"covered_days": 29.999}, ["Support has a gap in 29 days; 30 days without one are wanted."]),
        ({"covered_days": -3.0}, ["Support has a gap in 0 days; 30 days without one are wanted."]),
        ({"rota": ""}, ["No rota answers for it."]),
        ({"has_target": False}, ["Support: say what has to be covered."]),
    ],
)
def test_the_rota_has_nobody_missing_for_thirty_days(change: dict[str, Any], problems: list[str]) -> None:
    assert shortcomings({**GOOD, **change}) == problems
