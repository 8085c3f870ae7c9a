"""An evaluation of a million rows imported, beside Python's own csv reader reading the same file."""

import csv
import resource
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.gates.evaluations import reader
from apps.gates.evaluations.actions import import_evaluation
from apps.gates.evaluations.reader import Mapped
from benchmarks import load
from benchmarks.data import Plot
from benchmarks.measure import FULL, Effort, Measure, Result, beside, in_turns
from portal.tenancy.context import tenant_transaction

ROWS, FEW = 1_000_000, 50_000
MEGABYTE = 1024


def run(plot: Plot, effort: Effort) -> Result:
    rows = ROWS if effort is FULL else FEW
    repeats = 2
    # A small import first, so that what is loaded once isn't counted as the large one's.
    _import(plot, 1_000)
    before = _peak()
    reading, checking, importing = in_turns(
        repeats, lambda: _read(rows), lambda: _check(rows), lambda: _import(plot, rows)
    )
    grown = (_peak() - before) / MEGABYTE
    conditions = [
        f"{rows:,} rows of six columns, every input a distinct one; one transaction, synchronous commit",
        "floor: csv.reader over the same file, nothing done with what it reads",
        "memory: growth of the process's peak over an import of 1,000 rows",
    ]
    measures = [
        beside("rows imported, summary included", "/s", importing, reading),
        beside("read and checked alone", "/s", checking, reading),
        Measure("memory that the large import takes more", "MB", ours=grown, judged=grown, at_most=64.0),
    ]
    return Result("evaluation import", repeats, conditions, measures)


@contextmanager
def _file(rows: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.csv"
        run_id = uuid.uuid4().hex
        with path.open("w") as file:
            file.write("input_id,provenance,outcome,category,group,at\n")
            file.writelines(
                f"{run_id}-{n},real,{n % 20 > 0:d},cat-{n % 7},group-{n % 3},2026-11-{n % 20 + 1:02}T10:00:00+00:00\n"
                for n in range(rows)
            )
        yield path


def _read(rows: int) -> float:
    with _file(rows) as path, path.open(newline="") as file:
        started = time.perf_counter()
        n = sum(1 for _ in csv.reader(file)) - 1
        taken = time.perf_counter() - started
    return _all(n, rows) / taken


def _check(rows: int) -> float:
    with _file(rows) as path, path.open("rb") as file:
        started = time.perf_counter()
        n = sum(isinstance(found, reader.Row) for found in reader.read(file, "csv", Mapped()))
        taken = time.perf_counter() - started
    return _all(n, rows) / taken


def _import(plot: Plot, rows: int) -> float:
    actor = plot.actor("owner")
    with _file(rows) as path, path.open("rb") as file:
        started = time.perf_counter()
        with tenant_transaction(plot.tenant.id):
            made = import_evaluation(
                version=plot.candidate,
                purpose="accuracy",
                file=file,
                name=path.name,
                mapping=Mapped(),
                author=plot.people["owner"],
                actor=actor,
            )
        taken = time.perf_counter() - started
    return _all(made.summary["real"]["n"], rows) / taken


def _all(found: int, rows: int) -> int:
    """What was skipped would have been fast for nothing."""
    if found != rows:
        raise load.Broken(f"{found} rows were read, and {rows} are there")
    return found


def _peak() -> float:
    """The process's peak memory so far, in kilobytes."""
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
