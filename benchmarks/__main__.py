"""``python -m benchmarks``: each hot path beside its floor; a table, and benchmarks/results/latest.json."""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.measure import Effort, Result

NAMES = ("ofrep", "dispatch", "otlp", "tick", "policies", "evaluations", "sweep", "rotas", "paging", "pages")


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    if "DATABASE_URL" in os.environ or "DATABASE_URL_FILE" in os.environ:
        print("The benchmarks run on local mode's own PostgreSQL: unset DATABASE_URL.", file=sys.stderr)
        return 2
    # Before anything reads the settings: never the portal's own database.
    os.environ["CAUSEWAY_DATABASE_NAME"] = "causeway_benchmarks"
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    import django

    django.setup()
    return _run(options.only or list(NAMES), quick=options.quick, keep=options.keep)


def _run(names: list[str], *, quick: bool, keep: bool) -> int:
    from benchmarks import database, report
    from benchmarks.measure import FULL, QUICK
    from portal.local.process import StartFailed

    started = time.monotonic()
    try:
        with database.own_database():
            results = list(_results(names, QUICK if quick else FULL))
            version = database.server_version()
    except (database.InUse, StartFailed) as error:
        print(error, file=sys.stderr)
        return 1
    seconds = time.monotonic() - started
    print(report.table(results), f"\n{seconds:.0f} s", sep="\n")
    if names == list(NAMES):
        report.write(results, postgres=version, seconds=seconds, quick=quick)
    elif keep:
        report.put(results, postgres=version, seconds=seconds, quick=quick)
    return 0


def _results(names: list[str], effort: "Effort") -> "Iterator[Result]":
    from benchmarks import data, decisions, dispatching, evaluations, pages, paging, policies, rotas, spans, sweep, tick

    people = data.make_people()
    plots = [data.make_plot(f"tenant-{number}", people) for number in range(8)]
    runs = {
        "ofrep": lambda: [decisions.run(plots[0], effort)],
        "dispatch": lambda: [dispatching.run(plots[7], effort)],
        "otlp": lambda: [spans.run(plots[0], effort)],
        "tick": lambda: [tick.run(plots[:5], effort)],
        "policies": lambda: [policies.run(plots[5], effort)],
        "evaluations": lambda: [evaluations.run(plots[5], effort)],
        "sweep": lambda: [sweep.run(plots[6], effort)],
        "rotas": lambda: [rotas.run(effort)],
        "paging": lambda: paging.run(plots[:5], effort),
        "pages": lambda: [pages.run(plots[6], effort)],
    }
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        yield from runs[name]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter repeats, under 90 s")
    parser.add_argument("--only", action="append", choices=NAMES, help="one benchmark alone; writes no file")
    parser.add_argument("--keep", action="store_true", help="with --only: put its figures into the file")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
