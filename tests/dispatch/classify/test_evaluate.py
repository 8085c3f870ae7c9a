"""DISP-1, DISP-3: ``evaluate_classifier``, on a small file always and on CLINC150 where it is there."""

import csv
import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.dispatch.classify.model import NOBODY
from portal.local import paths
from tests.dispatch.classify.texts import examples

CLINC = paths.PROJECT_ROOT.parent / "shared" / "data" / "clinc150_train_val.csv"


def written(path: Path, *, split: str = "", each: int = 20, seed: int = 0, intents: bool = True) -> list[list[str]]:
    """Rows of a file; appended where it is there already."""
    texts, labels = examples(each, seed)
    rows = [
        [split, label.owner or "none", label.topic if label.owner != NOBODY else "oos", text]
        for text, label in zip(texts, labels, strict=True)
    ]
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        out = csv.writer(file)
        if is_new:
            out.writerow(["split", "domain", "intent", "text"] if intents else ["split", "domain", "other", "text"])
        out.writerows(rows)
    return rows


def told(*args: object, **options: object) -> str:
    out = StringIO()
    call_command("evaluate_classifier", *map(str, args), stdout=out, **options)
    return out.getvalue()


def figures(said: str, way: str) -> tuple[float, float]:
    """In-scope accuracy and recall of none on the test texts, in percent."""
    part = said.split(f"By {way}:")[1]
    found = re.search(r"test texts: in-scope accuracy +([\d.]+) %.*recall of none +([\d.]+) %", part)
    assert found, part
    return float(found[1]), float(found[2])


def test_it_trains_on_one_file_and_reports_on_the_other(tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    written(train, split="train"), written(test, split="test", each=10, seed=1)
    said = told(train, test)
    assert "Trained on 100 texts, 5 labels" in said
    assert "By domain: 2 workloads" in said and "By intent: 4 workloads" in said
    assert "50 test texts" in said
    accuracy, recall = figures(said, "domain")
    assert accuracy >= 90 and recall >= 70
    assert re.search(r"one classification: \d\.\d\d ms \(median\)", said)


def test_the_curve_falls_in_scope_and_rises_out_of_scope(tmp_path: Path) -> None:
    train = tmp_path / "train.csv"
    written(train, split="train"), written(train, split="val", each=10, seed=1)
    rows = [line.split() for line in told(train, train, by="domain").splitlines() if re.match(r" +\d\.\d\d ", line)]
    assert [row[0] for row in rows] == [f"{n / 20:.2f}" for n in range(21)]
    right, none = [float(row[1]) for row in rows], [float(row[7]) for row in rows]
    assert right == sorted(right, reverse=True) and right[-1] < right[0]
    assert none == sorted(none) and (none[0], none[-1]) == (0.0, 100.0)


def test_rows_of_another_split_are_never_trained_on(tmp_path: Path) -> None:
    """With texts and labels of the test split turned round, training on them would show."""
    one, both = tmp_path / "one.csv", tmp_path / "both.csv"
    written(one, split="train")
    written(both, split="train")
    rows = written(tmp_path / "other.csv", split="val", each=10, seed=1)
    with both.open("a", newline="") as file:
        turned = {"bank": "travel", "travel": "bank", "none": "bank"}
        csv.writer(file).writerows([split, turned[domain], intent, text] for split, domain, intent, text in rows)
    apart = [line for line in told(one, one, test_split="train").splitlines() if line.startswith(("there", "thresh"))]
    assert apart == [
        line for line in told(both, both, test_split="train").splitlines() if line.startswith(("there", "thresh"))
    ]


def test_a_split_is_chosen_by_name_and_test_comes_before_val(tmp_path: Path) -> None:
    train = tmp_path / "all.csv"
    for split, each in (("train", 20), ("val", 4), ("test", 6), ("odd", 8)):
        written(train, split=split, each=each, seed=each)
    assert "30 test texts" in told(train, train, by="domain")
    assert "20 test texts" in told(train, train, by="domain", test_split="val")
    assert "Trained on 40 texts" in told(train, train, by="domain", train_split="odd")
    with pytest.raises(CommandError, match="No row has the split nowhere; there are odd, test, train, val"):
        told(train, train, train_split="nowhere")


def test_without_intents_the_domains_are_learned_as_they_are(tmp_path: Path) -> None:
    train = tmp_path / "train.csv"
    written(train, split="train", intents=False), written(train, split="val", each=5, seed=1, intents=False)
    said = told(train, train)
    assert "3 labels" in said and "By intent" not in said
    with pytest.raises(CommandError, match="has no column intent"):
        told(train, train, by="intent")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "wants the columns text and domain"),
        ("text,domain\n", "wants the columns text and domain"),
        ("a,b\n1,2\n", "wants the columns text and domain"),
        ("text,domain\nx,one\ny,one\nz,one\n", "fewer than two domains"),
        ("text,domain\nx,none\ny,oos\nz,one\n", "fewer than two domains"),
        ("text,domain\n" + "x,one\n" * 3 + "y,two\n", "fewer than 3 examples of two"),
        ("text,domain\n" + "x,one\n" * 3 + "y,two\n" * 3 + "z,none\n", "fewer than 3 examples of none"),
        ("text,domain\nx,one\n ,two\n", "row 2 has no text"),
        ("text,domain\nx\n", "fewer than two domains"),
    ],
)
def test_a_file_that_says_too_little_is_refused_in_a_sentence(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(CommandError, match=why):
        told(path, path)
    for unreadable in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(CommandError, match="can't be read"):
            told(unreadable, path)
    path.write_bytes(b"text,domain\n\xff\xfe,one\n")
    with pytest.raises(CommandError, match="can't be read"):
        told(path, path)


def test_a_file_from_a_spreadsheet_of_one_split_whatever_its_name_is_read(tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "held.csv"
    written(train, split="train"), written(test, split="held out", each=10, seed=1)
    test.write_bytes(b"\xef\xbb\xbf" + test.read_bytes())
    assert "50 test texts" in told(train, test, by="domain")


def test_without_examples_of_nobodys_their_recall_is_not_known(tmp_path: Path) -> None:
    train = tmp_path / "train.csv"
    written(train, split="train"), written(train, split="val", each=5, seed=1)
    train.write_text("".join(line for line in train.read_text().splitlines(True) if ",none," not in line))
    said = told(train, train, by="domain")
    assert re.search(r"test texts: in-scope accuracy +[\d.]+ %.*recall of none +–", said)


@pytest.mark.skipif(not CLINC.exists(), reason="the data set isn't beside the repository")
def test_on_clinc150_ten_domains_and_150_intents_reach_both_figures_at_one_threshold() -> None:
    """In-scope accuracy, a refusal counting as wrong, and recall of none, together (issue 6)."""
    said = told(CLINC, CLINC)
    accuracy, recall = figures(said, "domain")
    assert accuracy >= 93 and recall >= 75
    accuracy, recall = figures(said, "intent")
    assert accuracy >= 91 and recall >= 45
    took = [float(ms) for ms in re.findall(r"one classification: ([\d.]+) ms", said)]
    assert len(took) == 2 and max(took) < 3
