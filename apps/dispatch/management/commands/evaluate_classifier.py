"""``manage.py evaluate_classifier TRAIN TEST``: how good the dispatch classifier is on a labelled file (DISP-1,
DISP-3).
"""

import csv
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.dispatch.classify.curve import Judged, Point
from apps.dispatch.classify.evaluation import Apart, by_topic, cross_validate, read_by_owner, tested
from apps.dispatch.classify.features import plain
from apps.dispatch.classify.model import FOLDS, NOBODY, Label, Machine, TextClassifier, learn

# In a file, what belongs to nobody is called one of these.
_NOBODYS = {"", "none", "oos"}
_WAYS = ("domain", "intent")


@dataclass(frozen=True)
class Labelled:
    texts: list[str]
    labels: list[Label]


class Command(BaseCommand):
    help = (
        "Trains on TRAIN, chooses one threshold by cross-validation on TRAIN alone, and reports on TEST at it. Both "
        "are CSV with the columns text and domain, perhaps intent, and perhaps split. In a file with a column split "
        "only the rows of the split asked for are read: a row of another one is never trained on. A domain that is "
        "empty, none or oos is nobody's."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("train", type=Path)
        parser.add_argument("test", type=Path)
        parser.add_argument("--by", choices=_WAYS, help="what is a workload; default: each that TRAIN can tell")
        parser.add_argument(
            "--train-split", help="of a file with the column split (default: train, or the only one that there is)"
        )
        parser.add_argument(
            "--test-split", help="of a file with the column split; default: test, else val, else the only one"
        )

    def handle(self, *args: Any, train: Path, test: Path, **options: Any) -> None:
        training = _labelled(_of_split(_rows(train), options["train_split"], ["train"]))
        _refuse_too_little(training, train)
        testing = _labelled(_of_split(_rows(test), options["test_split"], ["test", "val"]))
        ways = _ways(options["by"], (training, train), (testing, test))
        began = time.perf_counter()
        apart, machine = cross_validate(training.texts, training.labels), learn(training.texts, training.labels)
        self.stdout.write(
            f"Trained on {len(training.texts):,} texts, {len(machine.labels)} labels, {FOLDS}-fold cross-validation, in"
            f" {time.perf_counter() - began:.1f} s; {machine.weights.nbytes / 1e6:.1f} MB of weights."
        )
        for way in ways:
            self._report(way, machine, apart, training, testing)

    def _report(self, way: str, machine: Machine, apart: Apart, training: Labelled, testing: Labelled) -> None:
        known, owned, asked = apart.labels, tuple(training.labels), tuple(testing.labels)
        if way == "intent":
            known, owned, asked = by_topic(known), by_topic(owned), by_topic(asked)
            machine, apart = replace(machine, labels=known), replace(apart, labels=known)
        trained = read_by_owner(machine, apart, [label.owner for label in owned])
        judged = Judged(tested(trained.classifier, testing.texts, [label.owner for label in asked]))
        chosen, workloads = trained.chosen, {label.owner for label in known} - {NOBODY}
        found = judged.at(chosen.threshold)
        self.stdout.write(f"\nBy {way}: {len(workloads)} workloads")
        self.stdout.write(f"threshold {chosen.threshold:.2f}, chosen by cross-validation on the training texts alone")
        self.stdout.write(f"there: in-scope accuracy {_share(chosen.right)}, recall of none {_share(chosen.none)}")
        self.stdout.write(
            f"{len(testing.texts):,} test texts: in-scope accuracy {_share(found.right)} (a refusal counts as wrong), "
            f"recall of none {_share(found.none)}"
        )
        self._curve(judged.curve(), trained.curve)
        self.stdout.write(f"one classification: {_time_of_one(trained.classifier, testing.texts):.2f} ms (median)")

    def _curve(self, tested: Sequence[Point], apart: Sequence[Point]) -> None:
        self.stdout.write("            tested                             cross-validated")
        self.stdout.write("threshold   right   wrong refused  none refused   right  none refused")
        for mine, other in list(zip(tested, apart, strict=True))[::5]:
            self.stdout.write(
                f"{mine.threshold:9.2f} {_share(mine.right)} {_share(mine.wrong)} {_share(mine.refused)} "
                f"{_share(mine.none):>13} {_share(other.right)} {_share(other.none):>13}"
            )


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        # Spreadsheets put a mark before the first column.
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [{name: value or "" for name, value in row.items() if name} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} can't be read as CSV: {error}") from error
    if not rows or not {"text", "domain"} <= set(rows[0]):
        raise CommandError(f"{path} wants the columns text and domain, and rows.")
    empty = next((number for number, row in enumerate(rows, start=1) if not plain(row.get("text", ""))), None)
    if empty is not None:
        raise CommandError(f"{path}: row {empty} has no text.")
    return rows


def _of_split(rows: list[dict[str, str]], asked: str | None, usual: Sequence[str]) -> list[dict[str, str]]:
    """The rows of the split that was asked for, else of the first usual one that is there, else of the only one; all of
    them in a file without that column.
    """
    if "split" not in rows[0]:
        return rows
    held = {row["split"] for row in rows}
    wanted = [asked] if asked else [*usual, *(held if len(held) == 1 else ())]
    found = next((split for split in wanted if split in held), None)
    if found is None:
        raise CommandError(f"No row has the split {' or '.join(wanted)}; there are {', '.join(sorted(held))}.")
    return [row for row in rows if row["split"] == found]


def _ways(asked: str | None, *files: tuple[Labelled, Path]) -> list[str]:
    """By what is reported: as asked, else each that both files can tell."""
    without = next((path for found, path in files if not _has_topics(found)), None)
    if asked == "intent" and without:
        raise CommandError(f"{without} has no column intent.")
    return [asked] if asked else [way for way in _WAYS if way == "domain" or not without]


def _labelled(rows: Sequence[dict[str, str]]) -> Labelled:
    return Labelled([row["text"] for row in rows], [_label(row) for row in rows])


def _refuse_too_little(found: Labelled, path: Path) -> None:
    """Cross-validation needs each label in every part of the file."""
    counts = Counter(label.owner for label in found.labels)
    if len(counts.keys() - {NOBODY}) < 2:
        raise CommandError(f"{path} has fewer than two domains in that split.")
    few = sorted(owner or "none" for owner, count in counts.items() if count < FOLDS)
    if few:
        raise CommandError(f"{path} has fewer than {FOLDS} examples of {', '.join(few[:5])}.")


def _label(row: dict[str, str]) -> Label:
    topic = row.get("intent", "")
    if row["domain"].strip().lower() in _NOBODYS:
        return Label(NOBODY)
    return Label(row["domain"].strip(), topic.strip())


def _has_topics(found: Labelled) -> bool:
    return any(label.topic for label in found.labels)


def _time_of_one(classifier: TextClassifier, texts: Sequence[str]) -> float:
    """Milliseconds, from the text to the answer."""
    taken = []
    for text in texts[:1_000]:
        began = time.perf_counter()
        classifier.guess(text)
        taken.append(time.perf_counter() - began)
    return median(taken) * 1_000


def _share(value: float | None) -> str:
    return "      –" if value is None else f"{value * 100:5.1f} %"
