"""STAGE-2, P1, V3 and V4: what an import takes and refuses, by line and column, and what it shows."""

import io
import json
import random
import tracemalloc
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from apps.gates import queries
from apps.gates.evaluations import actions, reader, rules
from apps.gates.evaluations.reader import Mapped, Problem, Row
from apps.gates.evaluations.rules import Count
from apps.gates.models import Evaluation, EvaluationRow
from portal.errors import Invalid, Refused
from portal.local import paths
from portal.tenancy.context import tenant_transaction
from tests.gates.test_gates import put
from tests.pages.test_pages import signed_in
from tests.world import NOW, World

TAU = paths.PROJECT_ROOT.parent / "shared" / "data" / "tau_airline_runs.jsonl"
MAPPING = paths.PROJECT_ROOT / "docs" / "examples" / "tau-airline-mapping.json"
MONDAY = datetime(2026, 11, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("right", "n", "shown"),
    [
        (84, 200, "0.420 (0.354 to 0.489, n = 200)"),
        (190, 200, "0.950 (0.910 to 0.973, n = 200)"),
        (0, 10, "0.000 (0.000 to 0.278, n = 10)"),
        (10, 10, "1.000 (0.722 to 1.000, n = 10)"),
    ],
)
def test_the_wilson_interval_stands_beside_the_point_estimate(right: int, n: int, shown: str) -> None:
    assert rules.figures(Count(n, right)) == shown


def lines(n: int, right: int, *, distinct: int | None = None, days: int = 5, provenance: str = "real") -> str:
    """A CSV of ``n`` rows, the first ``right`` of which are right."""
    rows = ["input_id,provenance,outcome,category,group,at"]
    for number in range(n):
        name = number % (distinct or n)
        at = MONDAY + timedelta(days=name % days)
        group = ("sales", "support")[number % 2]
        rows.append(f"case-{name},{provenance},{int(number < right)},refund,{group},{at.isoformat()}")
    return "\n".join(rows) + "\n"


def load(world: World, text: str | bytes, name: str = "runs.csv", mapping: Mapped | None = None, **options: Any) -> Any:
    data = text if isinstance(text, bytes) else text.encode()
    return actions.import_evaluation(
        version=options.get("version", world.candidate),
        purpose=options.get("purpose", "accuracy"),
        file=io.BytesIO(data),
        name=name,
        mapping=mapping or Mapped(),
        author=world.alice,
        actor=world.actor(world.alice),
    )


def p1(world: World) -> Any:
    (found,) = [s for s in queries.gate(world.workload, "pilot", NOW).standings if s.criterion.id == "P1"]
    return found


@pytest.fixture
def tenant(world: World) -> Any:
    with tenant_transaction(world.tenant.id):
        yield


def test_200_distinct_real_inputs_with_190_right_hold(world: World, tenant: None) -> None:
    made = load(world, lines(200, 190))
    assert made.summary["real"] == {"n": 200, "right": 190}
    found = p1(world)
    assert (found.state, found.why) == (
        "pass",
        "Accuracy 0.950 (0.910 to 0.973, n = 200) over 5 working days. No traffic mix is declared.",
    )


def test_199_distinct_real_inputs_and_duplicates_of_them_do_not(world: World, tenant: None) -> None:
    made = load(world, lines(398, 398, distinct=199))
    assert (made.summary["rows"], made.summary["real"]) == (398, {"n": 199, "right": 199})
    assert (p1(world).state, p1(world).why) == ("fail", "199 distinct real inputs; 200 are wanted.")


def test_an_input_that_is_right_once_and_wrong_once_is_wrong(world: World, tenant: None) -> None:
    """And one that is called real in one row and synthetic in another isn't real."""
    made = load(world, "input_id,provenance,outcome\na,real,1\na,real,0\nb,real,1\nb,synthetic,1\n")
    assert made.summary["real"] == {"n": 1, "right": 0}
    assert made.summary["synthetic"] == {"n": 1, "right": 1}


def test_the_sample_has_to_be_representative(world: World, tenant: None) -> None:
    load(world, lines(200, 200, days=4))
    assert p1(world).why == "The real inputs cover 4 working days; 5 are wanted."
    load(world, lines(201, 201))
    assert p1(world).state == "pass"
    mix = [{"category": name, "share": share} for name, share in (("refund", 0.9), ("rebook", 0.06), ("pets", 0.04))]
    put(world, "traffic_mix", {"rows": mix})
    assert p1(world).why == "No real input of rebook."


def test_a_weekend_is_no_working_day_in_the_tenants_own_zone(world: World, tenant: None) -> None:
    friday_night = "2026-11-13T23:30:00+00:00"
    rows = f"input_id,provenance,outcome,at\na,real,1,{friday_night}\nb,real,1,2026-11-14T12:00:00Z\n"
    assert load(world, rows).summary["working_days"] == 1


def test_two_user_groups_of_fifty_at_the_threshold_hold(world: World, tenant: None) -> None:
    load(world, lines(200, 200))
    (found,) = [s for s in queries.gate(world.workload, "validate", NOW).standings if s.criterion.id == "V3"]
    assert (found.state, "sales 1.000" in found.why, "support 1.000" in found.why) == ("pass", True, True)
    load(world, lines(98, 98))
    (found,) = [s for s in queries.gate(world.workload, "validate", NOW).standings if s.criterion.id == "V3"]
    assert (found.state, "2 groups of 50 at 0.950 are wanted." in found.why) == ("fail", True)


def test_a_shadow_run_agrees_in_nine_of_ten(world: World, tenant: None) -> None:
    def v4() -> Any:
        (found,) = [s for s in queries.gate(world.workload, "validate", NOW).standings if s.criterion.id == "V4"]
        return found

    load(world, lines(200, 179), purpose="shadow")
    assert (v4().state, "0.895" in v4().why) == ("fail", True)
    load(world, lines(200, 180), purpose="shadow")
    assert v4().why == "Agreement 0.900 (0.851 to 0.934, n = 200)."
    assert p1(world).state == "not_reported", "a shadow run says nothing about accuracy"


HEAD = "input_id,provenance,outcome\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + "a,real,1\nb,,1\n", "line 3, column provenance: ''; one of real, synthetic, selected is wanted."),
        (HEAD + "a,real,NaN\n", "line 2, column outcome: 'NaN'; 1 or 0,"),
        (HEAD + "a,guess,1\n", "line 2, column provenance: 'guess'"),
        (HEAD + ",real,1\n", "line 2, column input_id: Give the input's id, or its text."),
        (HEAD + "a,real\n", "line 2: 2 fields; the header has 3."),
        (HEAD + "a,real,1,x\n", "line 2: 4 fields; the header has 3."),
        (HEAD + 'a,real,"1\n', "line 2: It is no CSV"),
        ("input_id,provenance,outcome,mood\na,real,1,good\n", "line 1, column mood: Unknown column"),
        ("input_id,provenance,outcome,outcome\na,real,1,1\n", "line 1, column outcome: This column is there twice."),
        ("input_id,provenance,outcome,at\na,real,1,2026-11-20\n", "line 2, column at: Say the offset"),
        ("input_id,provenance,outcome,at\na,real,1,soon\n", "line 2, column at: 'soon'; an instant like"),
        ("", "line 1: The file holds no rows."),
        (HEAD, "line 1: The file holds no rows."),
        (HEAD.encode() + b"a,real,1\n\xff\xfe,real,1\n", "line 3: Byte 1 isn't UTF-8"),
        (HEAD.encode() + "caf\xe9,real,1\n".encode("latin-1"), "line 2: Byte 4 isn't UTF-8"),
        (HEAD.encode() + b"a\x00,real,1\n", "line 2: It holds a zero byte."),
        (HEAD.encode("utf-16"), "line 1: Byte 1 isn't UTF-8"),
    ],
)
def test_a_csv_is_refused_by_line_and_column_and_nothing_is_imported(
    world: World, tenant: None, text: str | bytes, problem: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        load(world, text)
    assert refusal.value.data["problems"][0].startswith(problem), refusal.value.data["problems"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"input_id": "a", "provenance": "real", "outcome": NaN}\n', "line 1: It is no JSON object: NaN is no number"),
        (
            '{"input_id": "a", "provenance": "real", "outcome": [1]}\n',
            "line 1, column outcome: A single value is wanted.",
        ),
        ('{"input_id": "a", "outcome": 1}\n', "line 1, column provenance: ''"),
        ('{"input_id": "a", "provenance": "real", "outcome": 1, "mood": 1}\n', "line 1, column mood: Unknown column"),
        ('{"outcome": 1, "outcome": 0}\n', "line 1: It is no JSON object: a name is there twice"),
        ('{"input_id": "\\ud800", "provenance": "real", "outcome": 1}\n', "line 1, column input_id: It holds half"),
        ("[1]\n", "line 1: It is no JSON object."),
        ("not json\n", "line 1: It is no JSON object"),
        ("[" * 100_000 + "\n", "line 1: It is no JSON object"),
    ],
)
def test_json_lines_are_refused_by_line_and_column(world: World, tenant: None, text: str, problem: str) -> None:
    with pytest.raises(Invalid) as refusal:
        load(world, text, "runs.jsonl")
    assert refusal.value.data["problems"][0].startswith(problem), refusal.value.data["problems"]


def test_nothing_is_half_imported(live_world: World) -> None:
    bad = lines(500, 500) + "x,real,maybe,,,\n"
    with pytest.raises(Invalid) as refusal, tenant_transaction(live_world.tenant.id):
        load(live_world, bad)
    assert refusal.value.data["problems"] == [
        "line 502, column outcome: 'maybe'; 1 or 0, true or false, pass or fail is wanted."
    ]
    with tenant_transaction(live_world.tenant.id):
        assert (Evaluation.objects.count(), EvaluationRow.objects.count()) == (0, 0)
        load(live_world, lines(10, 10))
        assert EvaluationRow.objects.count() == 10, "and nothing of it is left behind for the next one"


def test_a_thousand_mistakes_are_counted_and_the_first_hundred_shown(world: World, tenant: None) -> None:
    with pytest.raises(Invalid) as refusal:
        load(world, HEAD + "a,real,x\n" * 1_000)
    assert (len(refusal.value.data["problems"]), refusal.value.data["count"]) == (100, 1_000)


def test_the_same_file_counts_once_for_a_version_and_anew_under_another_mapping(world: World, tenant: None) -> None:
    load(world, lines(20, 20))
    with pytest.raises(Refused, match="already"):
        load(world, lines(20, 20))
    load(
        world, lines(20, 20), mapping=reader.mapped({"constants": {"provenance": "selected"}, "ignore": ["provenance"]})
    )
    assert Evaluation.objects.count() == 2
    assert queries.gate(world.workload, "pilot", NOW).red_flags == ["The sample was hand-picked."]


def test_a_byte_order_mark_and_windows_line_ends_are_taken(world: World, tenant: None) -> None:
    text = b"\xef\xbb\xbf" + lines(3, 3).replace("\n", "\r\n").encode()
    assert load(world, text).summary["rows"] == 3


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ({"colums": {}}, "no part 'colums'"),
        ({"columns": {"score": "s"}}, "name our columns"),
        ({"columns": {"outcome": 1}}, "are text"),
        ({"values": {"outcome": {"1.0": True}}}, "both as text"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(mapping: dict[str, Any], why: str) -> None:
    with pytest.raises(reader.BadMapping, match=why):
        reader.mapped(mapping)


def test_the_published_airline_runs_refuse_p1_for_both_reasons_and_name_the_red_flag(live_world: World) -> None:
    if not TAU.exists():
        pytest.skip("the published runs ../shared/data/tau_airline_runs.jsonl are not here")
    out = StringIO()
    common = {"tenant": "acme", "workload": "W-01", "by": "alice@example.org", "mapping": MAPPING, "stdout": out}
    call_command("import_evaluation", TAU, **common)
    shown = out.getvalue()
    assert "200 rows for version 1.1" in shown
    assert "synthetic  0.420 (0.354 to 0.489, n = 200)" in shown
    assert "real       none" in shown
    assert "P1 fail: 0 distinct real inputs; 200 are wanted. Accuracy 0.420 (0.354 to 0.489, n = 200)" in shown
    assert "red flag: The sample was only synthetic." in shown
    with pytest.raises(CommandError, match="already"):
        call_command("import_evaluation", TAU, **common)


def test_the_command_lists_what_is_wrong_and_imports_nothing(live_world: World, tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    file.write_text(HEAD + "a,real,1\nb,real,\n")
    with pytest.raises(CommandError, match="line 3, column outcome") as refusal:
        call_command("import_evaluation", file, tenant="acme", workload="W-01", by="alice@example.org")
    assert str(refusal.value).endswith("Nothing was imported.")
    with pytest.raises(CommandError, match="no such member"):
        call_command("import_evaluation", file, tenant="acme", workload="W-01", by="mallory@example.org")
    with pytest.raises(CommandError, match="can't be read"):
        call_command("import_evaluation", tmp_path / "no.csv", tenant="acme", workload="W-01", by="alice@example.org")


class Endless(io.RawIOBase):
    """A CSV of a given number of rows that is nowhere in memory."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.at = -1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.at >= self.rows:
            return 0
        line = HEAD if self.at < 0 else f"case-{self.at},real,1\n"
        self.at += 1
        data = line.encode()
        buffer[: len(data)] = data
        return len(data)


def test_reading_takes_the_same_memory_for_a_thousand_rows_and_for_a_hundred_thousand() -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        file = io.BufferedReader(Endless(rows))
        assert sum(isinstance(found, Row) for found in reader.read(file, "csv", Mapped())) == rows
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(10)
    assert peak(100_000) < peak(1_000) + 100_000


@given(st.binary(max_size=400), st.sampled_from(["csv", "jsonl"]))
def test_whatever_bytes_come_only_rows_and_problems_go_out(data: bytes, kind: str) -> None:
    found = list(reader.read(io.BytesIO(data), kind, Mapped()))
    assert found
    assert all(isinstance(each, Row | Problem) for each in found)


cells = st.sampled_from(["a", "real", "1", "", "synthetic", '"', ",", "\n", "pass", "2026-11-20T10:00:00Z", "é"])


@given(st.lists(cells, max_size=40), st.integers(0, 3))
def test_a_file_that_is_nearly_right_is_read_or_refused(parts: list[str], seed: int) -> None:
    random.Random(seed).shuffle(parts)
    text = HEAD + ",".join(parts)
    assert all(isinstance(each, Row | Problem) for each in reader.read(io.BytesIO(text.encode()), "csv", Mapped()))


def test_the_example_mapping_is_what_the_guide_says() -> None:
    assert reader.mapped(json.loads(MAPPING.read_text())).constants == {"provenance": "synthetic"}


def test_the_page_imports_shows_figures_and_lists_what_is_wrong(world: World) -> None:
    alice, bob = signed_in("alice"), signed_in("bob")
    url = "/t/acme/workloads/W-01/evaluations/"

    def upload(client: Client, text: str, **changes: str) -> Any:
        file = SimpleUploadedFile("runs.csv", text.encode())
        return client.post(url, {"file": file, "version": str(world.candidate.id), "purpose": "accuracy", **changes})

    refused = upload(alice, HEAD + "a,real,x\n")
    assert refused.status_code == 400
    assert "line 2, column outcome" in refused.content.decode()
    assert upload(alice, lines(200, 190), mapping="{").status_code == 400
    assert upload(bob, lines(200, 190)).status_code == 403
    assert upload(alice, lines(200, 190)).status_code == 302
    assert "real 0.950 (0.910 to 0.973, n = 200)" in bob.get(url).content.decode()


def test_the_api_imports_and_a_file_that_is_too_large_is_a_413(world: World, settings: Any) -> None:
    headers = {"Authorization": f"Bearer {world.token('read', 'write', user=world.alice)}"}
    url = "/api/v1/t/acme/workloads/W-01/evaluations"

    def send(text: str, **changes: str) -> Any:
        file = SimpleUploadedFile("runs.csv", text.encode())
        return Client().post(url, {"file": file, "version": "1.1", **changes}, headers=headers)

    made = send(lines(20, 19))
    assert (made.status_code, made.json()["summary"]["real"]) == (201, {"n": 20, "right": 19})
    wrong = send(HEAD + "a,real,x\n")
    assert (wrong.status_code, wrong.json()["count"]) == (400, 1)
    assert send(lines(20, 19), version="9.9").status_code == 404
    settings.EVALUATION_REQUEST_LIMIT = 100
    assert send(lines(21, 21)).status_code == 413
    listed = Client().get(url, headers=headers).json()["results"]
    assert [row["file_name"] for row in listed] == ["runs.csv"]


def test_the_list_costs_the_same_at_one_row_and_at_three(world: World) -> None:
    client, url = signed_in("alice"), "/t/acme/workloads/W-01/evaluations/"

    def cost() -> int:
        client.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    with tenant_transaction(world.tenant.id):
        load(world, lines(5, 5))
    assert cost() == 15
    with tenant_transaction(world.tenant.id):
        for n in (6, 7):
            load(world, lines(n, n))
    assert cost() == 15
