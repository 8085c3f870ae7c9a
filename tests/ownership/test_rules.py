"""H6 as a rule: three jobs with somebody each, nobody with all three, and a rota without a gap for a month."""

from typing import Any

import pytest

from apps.ownership.rules import lint, shortcomings, team_shortcomings

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


@pytest.mark.parametrize(
    ("change", "findings"),
    [
        ({}, []),
        ({"people": []}, ["Nobody takes turns."]),
        ({"people": ["Ann"]}, ["Ann alone takes turns: nobody covers an illness."]),
        ({"gone": ["Ann"]}, ["Ann left and still takes turns: those are gaps."]),
        ({"gaps": 1}, ["1 gap in the next 30 days."]),
        ({"gaps": 2}, ["2 gaps in the next 30 days."]),
        ({"needless": 1}, ["1 replacement of somebody who isn't on call then."]),
        ({"has_target": False}, ["It doesn't say what has to be covered, so no gap is ever shown."]),
    ],
)
def test_what_is_odd_about_a_rota_is_said(change: dict[str, Any], findings: list[str]) -> None:
    rota: dict[str, Any] = {"people": ["Ann", "Bo"], "gone": [], "gaps": 0, "needless": 0, "has_target": True}
    assert lint(**{**rota, **change}) == findings
