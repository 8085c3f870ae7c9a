"""The table on the terminal and the file that is kept."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Measure, Result
from portal.local import paths

LATEST = Path(__file__).parent / "results" / "latest.json"
_WIDTHS = (46, 14, 14, 8, 8, 4)


def table(results: Sequence[Result]) -> str:
    lines = [_line("", "ours", "floor", "judged", "aim", "met")]
    for result in results:
        lines += ["", result.name, *(_row(measure) for measure in result.measures)]
        lines += [f"    ({condition})" for condition in result.conditions]
    return "\n".join(lines)


def write(results: Sequence[Result], *, postgres: str, seconds: float, quick: bool, to: Path = LATEST) -> None:
    found = {
        **_run(postgres=postgres, seconds=seconds, quick=quick),
        "benchmarks": [_plain(result) for result in results],
    }
    to.parent.mkdir(exist_ok=True)
    to.write_text(json.dumps(found, indent=2) + "\n")


def put(results: Sequence[Result], *, postgres: str, seconds: float, quick: bool, to: Path = LATEST) -> None:
    """Into what stands there, each in the place of the former one of its name, with the run that it comes from."""
    found = json.loads(to.read_text())
    run = _run(postgres=postgres, seconds=seconds, quick=quick)
    new = {result.name: {**_plain(result), "run": run} for result in results}
    kept = [new.pop(each["name"], each) for each in found["benchmarks"]]
    to.write_text(json.dumps({**found, "benchmarks": [*kept, *new.values()]}, indent=2) + "\n")


def _run(*, postgres: str, seconds: float, quick: bool) -> dict[str, Any]:
    """When, of which code, on which machine."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "changed_since": bool(_git("status", "--porcelain", "--untracked-files=no", "--", "apps", "portal")),
        "quick": quick,
        "seconds": round(seconds),
        "machine": _machine(postgres),
    }


def _plain(result: Result) -> dict[str, Any]:
    measures = [{**asdict(m), "aim": m.aim, "met": m.met} for m in result.measures]
    return {**asdict(result), "measures": measures}


def _row(measure: Measure) -> str:
    met = {True: "yes", False: "NO", None: ""}[measure.met]
    floor = "" if measure.floor is None else _figure(measure.floor, measure.unit)
    return _line(
        f"  {measure.what}",
        _figure(measure.ours, measure.unit),
        floor,
        f"{measure.judged:.2f}",
        measure.aim,
        met,
    )


def _line(*cells: str) -> str:
    first, *others = (
        cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, _WIDTHS, strict=True))
    )
    return " ".join([first, *others]).rstrip()


def _figure(value: float, unit: str) -> str:
    shown = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
    return f"{shown}{'' if unit.startswith('/') or not unit else ' '}{unit}"


def _machine(postgres: str) -> dict[str, Any]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": next(_processors(), platform.machine()),
        "load_before_and_now": [round(figure, 2) for figure in os.getloadavg()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgres": postgres,
    }


def _processors() -> Iterator[str]:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            yield line.partition(":")[2].strip()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=paths.PROJECT_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
