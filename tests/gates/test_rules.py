"""STAGE-1 to STAGE-4 as pure rules: the table of criteria, each judge, freshness (S3 to S5), and the documents."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.gates.criteria import BY_ID, CRITERIA, limits_of
from apps.gates.documents import DOCUMENTS, Unreadable, clean
from apps.gates.freshness import Failed, Reported, State, stand

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_table_holds_every_criterion_of_the_five_stages_in_order() -> None:
    counts = {"P": 2, "V": 6, "H": 10, "D": 3, "O": 4}
    ids = [f"{letter}{number}" for letter, n in counts.items() for number in range(1, n + 1)]
    assert [criterion.id for criterion in CRITERIA] == ids
    assert [criterion.id for criterion in CRITERIA if not criterion.is_waivable] == [i for i in ids if i[0] == "H"]


CASES = [{"case": f"case {n}", "expected": "e", "handled": True} for n in range(10)]
MATRIX = [{"failure_mode": "Timeout", "noticed_by": "n", "path": "p", "severity": "low"}]


@pytest.mark.parametrize(
    ("criterion", "facts", "holds", "why"),
    [
        ("V1", {"rows": CASES}, True, "All 10 cases are handled."),
        ("V1", {"rows": CASES[:9]}, False, "9 cases are listed; list the 10 most important."),
        ("V1", {"rows": [*CASES, {"case": "odd", "handled": False}]}, False, "Not handled: odd."),
        ("V2", {"rows": MATRIX, "seen_modes": ["timeout"], "signed": True}, True, "1 failure modes, each with"),
        ("V2", {"rows": MATRIX, "seen_modes": ["crash"], "signed": True}, False, "Not in the matrix: crash."),
        ("V2", {"rows": MATRIX, "seen_modes": [], "signed": False}, False, "The matrix isn't signed."),
        (
            "V6",
            {"rows": [{"input": "a", "what": "broken", "failed_into": "Timeout"}], "known_modes": ["timeout"]},
            False,
            "Run it with broken and with incomplete inputs.",
        ),
        (
            "V6",
            {
                "rows": [
                    {"input": "a", "what": "broken", "failed_into": " timeout "},
                    {"input": "b", "what": "incomplete", "failed_into": "crash"},
                ],
                "known_modes": ["Timeout"],
            },
            False,
            "Failed into a mode that the exception matrix doesn't know: b.",
        ),
        ("H4", {"n": 10, "whole": 10, "system": "the ticket archive", "last": "x"}, True, "10 records within 24 hours"),
        ("H4", {"n": 10, "whole": 8, "system": "s", "last": "x"}, False, "2 of 10 records lack"),
        ("H4", {"n": 10, "whole": 10, "system": "", "last": "x"}, False, "name the system of record"),
        ("H4", {"n": 0, "whole": 0, "system": "s", "last": "2026-11-18T10:00"}, False, "No record has arrived within"),
        (
            "H5",
            {"rows": [{"permission": "search", "needed": True}], "held": ["search", "refund"], "signed": True},
            False,
            "Held and not reviewed: refund.",
        ),
        (
            "H5",
            {"rows": [{"permission": "search", "needed": False}], "held": ["search"], "signed": True},
            False,
            "Not needed, so take it away first: search.",
        ),
        (
            "H5",
            {"rows": [{"permission": "search", "needed": True}], "held": ["search"], "signed": False},
            False,
            "The review isn't signed.",
        ),
        ("H9", {"rows": [{"system": "CRM", "by_hand": True, "secured": True}]}, False, "By hand or unsecured: CRM."),
        ("H9", {"rows": [{"system": "CRM", "by_hand": False, "secured": True}]}, True, "1 systems"),
        ("H10", {"forecast_peak": 40, "reached_peak": 39, "error_share": 0}, False, "Only 39 of 40 at once."),
        ("H10", {"forecast_peak": 40, "reached_peak": 40, "error_share": 0.06}, False, "6.0% of the run failed"),
        ("H10", {"forecast_peak": 40, "reached_peak": 40, "error_share": 0.05}, True, "40 at once; 40 are forecast."),
        ("D1", {"n": 999, "errors": 0, "bound": None}, False, "999 production transactions; 1000 are wanted."),
        ("D1", {"n": 1000, "errors": 50, "bound": None}, True, "5.00% errors (at most 5.00%)."),
        ("D1", {"n": 1000, "errors": 50, "bound": 0.02}, False, "2.00% is the limit."),
        ("O2", {"rows": [{"metric": "accuracy"}]}, False, "No target for cost per transaction, throughput."),
        (
            "O3",
            {"per_day": 119, "baseline_per_day": 100, "cost": 0.9, "baseline_cost": 1.0},
            False,
            "Throughput +19%, cost per transaction -10% against the baseline; 20% better is wanted.",
        ),
        ("O3", {"per_day": 100, "baseline_per_day": 100, "cost": 0.8, "baseline_cost": 1.0}, True, "-20%"),
        ("O3", {"per_day": 120, "baseline_per_day": 100, "cost": None, "baseline_cost": 1.0}, True, "+20%"),
    ],
)
def test_each_judge_says_whether_it_holds_and_why(criterion: str, facts: Any, holds: bool, why: str) -> None:
    found = BY_ID[criterion].judge(facts, limits_of(BY_ID[criterion], {}))
    assert (found.holds, why in found.why) == (holds, True), found.why


def reported(observed_at: datetime = NOW) -> Reported:
    return Reported({"rows": CASES}, observed_at)


def at(moment: datetime, waived_until: datetime | None = None, found: Any = None) -> Any:
    return stand(BY_ID["V1"], found or reported(), {"cases": 10}, moment, waived_until)


def test_s3_evidence_exactly_at_the_end_of_its_life_is_stale() -> None:
    end = NOW + 180 * DAY
    assert at(end - timedelta(microseconds=1)).state is State.WARN
    stale = at(end)
    assert (stale.state, stale.is_open) == (State.STALE, False)
    assert "It was passing until 2027-05-19 12:00 UTC" in stale.why


def test_it_warns_from_three_quarters_of_its_life_on() -> None:
    assert at(NOW + 135 * DAY - timedelta(seconds=1)).state is State.PASS
    warned = at(NOW + 135 * DAY)
    assert (warned.state, warned.is_open) == (State.WARN, True)
    assert "Only 45 days left." in warned.why


def test_s4_a_waiver_ends_at_noon_without_anybody_doing_anything() -> None:
    failing = Reported({"rows": CASES[:3]}, NOW)
    noon = NOW + DAY
    assert at(noon - timedelta(microseconds=1), noon, failing).state is State.WAIVED
    assert at(noon, noon, failing).state is State.FAIL


def test_s5_a_source_that_breaks_is_an_error_that_closes_the_gate_and_blames_nobody() -> None:
    found = at(NOW, None, Failed("Its source broke."))
    assert (found.state, found.is_open, found.why) == (State.ERROR, False, "Its source broke.")


def test_harden_is_never_waived_even_if_a_waiver_were_there() -> None:
    found = stand(BY_ID["H9"], None, {}, NOW, NOW + DAY)
    assert found.state is State.NOT_REPORTED


def test_s9_a_verdict_keeps_the_limits_that_it_was_given_under() -> None:
    assert at(NOW).state is State.PASS
    assert stand(BY_ID["V1"], reported(), {"cases": 11}, NOW).state is State.FAIL


def test_a_threshold_can_only_be_made_stricter() -> None:
    cases, errors = BY_ID["V1"].limits[0], BY_ID["D1"].limits[1]
    assert (cases.is_looser(9), cases.is_looser(12)) == (True, False)
    assert (errors.is_looser(0.06), errors.is_looser(0.01)) == (True, False)


LOAD = DOCUMENTS["load_run"]
GOOD = {"forecast_peak": "40", "reached_peak": 41, "error_share": "0.01", "run_on": "2026-11-01"}


def test_a_document_is_stored_in_one_form_whatever_form_it_came_in() -> None:
    assert clean(LOAD, GOOD) == {"forecast_peak": 40, "reached_peak": 41, "error_share": 0.01, "run_on": "2026-11-01"}


@pytest.mark.parametrize(
    ("kind", "data", "where", "message"),
    [
        ("load_run", {**GOOD, "run_on": "yesterday"}, "Run on", "write a date as"),
        ("load_run", {**GOOD, "forecast_peak": "NaN"}, "Forecast peak, sessions at once", "a number of at least 1"),
        ("load_run", {**GOOD, "forecast_peak": True}, "Forecast peak, sessions at once", "write a number"),
        ("load_run", {**GOOD, "reached_peak": ""}, "Reached in the run", "fill this in"),
        ("load_run", {**GOOD, "verdict": "pass"}, "verdict", "no such field"),
        ("edge_cases", {"rows": []}, "rows", "1 to 200 rows"),
        ("edge_cases", {"rows": "all"}, "rows", "a list of rows"),
        ("edge_cases", {"rows": [{"case": "a", "expected": "b", "handled": "maybe"}]}, "case 1, Handled", "yes or no"),
        ("edge_cases", {"rows": [{"case": "a\x00", "expected": "b", "handled": "yes"}]}, "case 1, The case", "stored"),
        ("edge_cases", {"rows": [{"case": "a" * 301, "expected": "b", "handled": True}]}, "case 1", "300 characters"),
        ("exception_matrix", {"rows": [{**MATRIX[0], "severity": "awful"}]}, "failure mode 1", "one of low, medium"),
    ],
)
def test_a_document_with_a_problem_is_refused_by_place_and_reason(
    kind: str, data: Any, where: str, message: str
) -> None:
    with pytest.raises(Unreadable) as refusal:
        clean(DOCUMENTS[kind], data)
    assert any(problem.where.startswith(where) and message in problem.message for problem in refusal.value.problems)


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.text(), max_size=2)
rows = st.lists(st.dictionaries(st.sampled_from(["case", "expected", "handled", "other"]), values), max_size=3)


@given(st.sampled_from(sorted(DOCUMENTS)), st.dictionaries(st.text(max_size=12), values, max_size=4), rows | values)
def test_whatever_is_sent_is_taken_or_refused_with_reasons(kind: str, data: Any, rows: Any) -> None:
    try:
        content = clean(DOCUMENTS[kind], {**data, "rows": rows})
    except Unreadable as error:
        assert error.problems
    else:
        assert clean(DOCUMENTS[kind], content) == content
