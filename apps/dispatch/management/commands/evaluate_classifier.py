"""``manage.py evaluate_classifier TRAIN TEST``: how good the dispatch classifier is on a labelled file (DISP-1,
DISP-3).
"""

import csv
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.dispatch.classify.curve import Judged, Point
from apps.dispatch.classify.evaluation import Apart, by_topic, cross_validate, read_by_owner, tested
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
        parser.add_argument("--train-split", default="train", help="of a file with the column split (default: train)")
        parser.add_argument(
            "--test-split", help="of a file with the column split; default: test if it has one, else val"
        )

    def handle(self, *args: Any, train: Path, test: Path, **options: Any) -> None:
        training = _labelled(_of_split(_rows(train), [options["train_split"]]), train)
        wanted = [options["test_split"]] if options["test_split"] else ["test", "val"]
        testing = _labelled(_of_split(_rows(test), wanted), test)
        ways = [options["by"]] if options["by"] else [w for w in _WAYS if w == "domain" or _has_topics(training)]
        if "intent" in ways and not _has_topics(training):
            raise CommandError(f"{train} has no column intent.")
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
        with path.open(newline="", encoding="utf-8") as file:
            rows = [{name: value or "" for name, value in row.items() if name} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} can't be read as CSV: {error}") from error
    if not rows or not {"text", "domain"} <= set(rows[0]):
        raise CommandError(f"{path} wants the columns text and domain, and rows.")
    return rows


def _of_split(rows: list[dict[str, str]], wanted: Sequence[str]) -> list[dict[str, str]]:
    """The rows of the first split of ``wanted`` that is there; all of them in a file without that column."""
    if "split" not in rows[0]:
        return rows
    held = {row["split"] for row in rows}
    found = next((split for split in wanted if split in held), None)
    if found is None:
        raise CommandError(f"No row has the split {' or '.join(wanted)}; there are {', '.join(sorted(held))}.")
    return [row for row in rows if row["split"] == found]


def _labelled(rows: Sequence[dict[str, str]], path: Path) -> Labelled:
    labels = [_label(row) for row in rows]
    if len({label.owner for label in labels} - {NOBODY}) < 2:
        raise CommandError(f"{path} has fewer than two domains in that split.")
    return Labelled([row["text"] for row in rows], labels)


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
