"""What an evaluation shows (STAGE-2, criteria P1, V3, V4). Pure: a summary in, a finding out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.intervals import wilson


@dataclass(frozen=True, slots=True)
class Count:
    """Distinct inputs, and how many of them were right every time they were seen."""

    n: int
    right: int

    @property
    def share(self) -> float:
        return self.right / self.n if self.n else 0.0


def figures(count: Count) -> str:
    """The point estimate with its interval and its n."""
    low, high = wilson(count.right, count.n)
    return f"{count.share:.3f} ({low:.3f} to {high:.3f}, n = {count.n})"


def pilot(facts: Mapping[str, Any], limits: Mapping[str, float]) -> tuple[bool, str]:
    """P1: enough distinct real inputs, right often enough, on enough working days, from all of the declared traffic.

    ``facts`` is an evaluation's summary with ``mix``, the declared traffic mix: rows of category and share.
    """
    real, whole = _count(facts["real"]), _count(facts["all"])
    least, days = int(limits["inputs"]), int(limits["days"])
    reasons = []
    if real.n < least:
        reasons.append(f"{real.n} distinct real inputs; {least} are wanted.")
    judged = real if real.n else whole
    if judged.share < limits["accuracy"]:
        reasons.append(f"Accuracy {figures(judged)}; {limits['accuracy']:.3f} is wanted.")
    if facts["working_days"] < days:
        reasons.append(f"The real inputs cover {facts['working_days']} working days; {days} are wanted.")
    absent = [
        row["category"] for row in facts["mix"] if row["share"] >= 0.05 and not facts["categories"].get(row["category"])
    ]
    if absent:
        reasons.append(f"No real input of {', '.join(absent)}.")
    declared = "" if facts["mix"] else " No traffic mix is declared."
    good = f"Accuracy {figures(judged)} over {facts['working_days']} working days.{declared}"
    return not reasons, " ".join(reasons) or good


def red_flags(summary: Mapping[str, Any]) -> list[str]:
    real, selected = summary["real"]["n"], summary["selected"]["n"]
    if real:
        return []
    return ["The sample was hand-picked." if selected else "The sample was only synthetic."]


def groups(facts: Mapping[str, Any], limits: Mapping[str, float]) -> tuple[bool, str]:
    """V3: at least two user groups, each with enough real inputs, each at the threshold."""
    found = {name: _count(value) for name, value in facts["groups"].items() if name}
    large = {name: count for name, count in found.items() if count.n >= limits["inputs"]}
    good = [name for name, count in large.items() if count.share >= limits["accuracy"]]
    shown = "; ".join(f"{name} {figures(count)}" for name, count in sorted(found.items())) or "No user groups"
    holds = len(good) >= limits["groups"]
    wanted = f" {limits['groups']:g} groups of {limits['inputs']:g} at {limits['accuracy']:.3f} are wanted."
    return holds, f"{shown}.{'' if holds else wanted}"


def shadow(facts: Mapping[str, Any], limits: Mapping[str, float]) -> tuple[bool, str]:
    """V4: enough real units answered beside the manual process, and enough of the answers agree."""
    real = _count(facts["real"])
    holds = real.n >= limits["units"] and real.share >= limits["agreement"]
    wanted = f" {limits['units']:g} units and {limits['agreement']:.3f} agreement are wanted."
    return holds, f"Agreement {figures(real)}.{'' if holds else wanted}"


def _count(value: Mapping[str, int]) -> Count:
    return Count(value["n"], value["right"])
