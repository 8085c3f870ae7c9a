"""``python -m benchmarks.overshoot``: a table, and benchmarks/results/overshoot.json; fails if a cap doesn't hold."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.measure import Result
    from benchmarks.overshoot.trace import Trace

PROJECT = Path(__file__).parents[2]
RESULTS = PROJECT / "benchmarks" / "results" / "overshoot.json"


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    # Before anything reads the settings: servers and a database that nobody else has, since they are killed.
    for name in ("DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "REDIS_URL_FILE"):
        os.environ.pop(name, None)
    os.environ["CAUSEWAY_STATE_DIR"] = str(PROJECT / ".local" / "overshoot")
    os.environ["CAUSEWAY_DATABASE_NAME"] = "causeway_benchmarks"
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    from benchmarks.overshoot.trace import Unreadable, load

    try:
        trace = load(options.trace, quick=options.quick)
    except Unreadable as error:
        print(error, file=sys.stderr)
        return 2
    return _run(trace, quick=options.quick)


def _run(trace: "Trace", *, quick: bool) -> int:
    import django

    from benchmarks import database, report
    from portal.local import supervisor
    from portal.local.process import StartFailed

    django.setup()
    started = time.monotonic()
    try:
        with supervisor.stoppable():
            results, version = _results(trace)
    except (database.InUse, StartFailed, supervisor.Busy) as error:
        print(error, file=sys.stderr)
        return 1
    except supervisor.Stop as stop:
        return 128 + stop.number
    seconds = time.monotonic() - started
    print(report.table(results), f"\n{seconds:.0f} s", sep="\n")
    if not quick:
        report.write(results, postgres=version, seconds=seconds, quick=quick, to=RESULTS)
    return int(_is_broken(results))


def _results(trace: "Trace") -> "tuple[list[Result], str]":
    from benchmarks import database
    from benchmarks.overshoot import figures, liar, machine, scenario

    results = []
    with machine.servers() as servers, database.own_database(), machine.web(servers) as portal:
        for name, kills in (("the cap over a replayed trace", False), ("the same, with kill -9 in the middle", True)):
            print(f"{name} ...", file=sys.stderr, flush=True)
            outcome = scenario.play(portal, trace, "killed" if kills else "steady", with_kills=kills)
            results.append(figures.result(name, outcome))
            print(*portal.said, sep="\n", file=sys.stderr)
        results.append(liar.run(outcome.ground, portal.address))
        return results, database.server_version()


def _is_broken(results: "list[Result]") -> bool:
    from benchmarks.overshoot.figures import must_hold

    return any(must_hold(measure) and not measure.met for result in results for measure in result.measures)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overshoot", description=__doc__)
    parser.add_argument("--trace", type=Path, help="a CSV file with TIMESTAMP, ContextTokens and GeneratedTokens")
    parser.add_argument("--quick", action="store_true", help="the trace's first ten minutes; writes no file")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
