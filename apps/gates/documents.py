"""The records that people write as evidence: which fields each kind has, and what a filled-in one has to satisfy. Pure.

A document is a few fields, and where it is a list, rows of fields. One table serves the form, the API and the check, so
that what a page asks for and what is accepted can't drift apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

Kind = Literal["text", "long", "number", "yes", "date", "choice"]
MOST_ROWS = 200
LONGEST = {"text": 300, "long": 5_000}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in. ``least`` bounds a number; ``choices`` are those of a choice."""

    name: str
    label: str
    kind: Kind = "text"
    least: float = 0
    choices: tuple[str, ...] = ()
    required: bool = True


@dataclass(frozen=True, slots=True)
class Document:
    """A kind of evidence. ``by_other`` wants an author who isn't the workload's owner; ``signed_as`` is the policy
    under which it has to be signed before it counts.
    """

    kind: str
    title: str
    intro: str
    fields: tuple[Field, ...] = ()
    rows: tuple[Field, ...] = ()
    row_name: str = "row"
    by_other: bool = False
    signed_as: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field, and where."""

    where: str
    message: str


class Unreadable(ValueError):
    """The document can't be taken; ``problems`` names each reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(f"{p.where}: {p.message}" for p in problems))
        self.problems = list(problems)


def clean(document: Document, data: Mapping[str, Any]) -> dict[str, Any]:
    """The content to store: every field checked and in one form, unknown ones refused.

    Raises:
        Unreadable: with each problem.
    """
    problems: list[Problem] = []
    content = _clean_fields(document.fields, data, "", problems)
    known = {each.name for each in document.fields} | ({"rows"} if document.rows else set())
    problems += [Problem(str(name)[:60], "there is no such field.") for name in data if name not in known]
    if document.rows:
        content["rows"] = _clean_rows(document, data.get("rows", []), problems)
    if problems:
        raise Unreadable(problems)
    return content


def _clean_rows(document: Document, rows: Any, problems: list[Problem]) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        problems.append(Problem("rows", "send a list of rows."))
        return []
    if not 1 <= len(rows) <= MOST_ROWS:
        problems.append(Problem("rows", f"fill in 1 to {MOST_ROWS} rows."))
        return []
    known = {each.name for each in document.rows}
    cleaned = []
    for number, row in enumerate(rows, start=1):
        where = f"{document.row_name} {number}, "
        problems += [
            Problem(f"{where}{str(name)[:60]}", "there is no such field.") for name in row if name not in known
        ]
        cleaned.append(_clean_fields(document.rows, row, where, problems))
    return cleaned


def _clean_fields(
    fields: Sequence[Field], data: Mapping[str, Any], where: str, problems: list[Problem]
) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for each in fields:
        value = data.get(each.name)
        if value is None or value == "":
            if each.required:
                problems.append(Problem(f"{where}{each.label}", "fill this in."))
            continue
        try:
            content[each.name] = _CLEAN[each.kind](each, value)
        except ValueError as error:
            problems.append(Problem(f"{where}{each.label}", str(error)))
    return content


def _text(each: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("write text.")
    text = value.strip()
    if not text:
        raise ValueError("fill this in.")
    if len(text) > LONGEST[each.kind]:
        raise ValueError(f"{LONGEST[each.kind]} characters at most.")
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("it holds a character that can't be stored.")
    return text


def _number(each: Field, value: Any) -> float | int:
    if isinstance(value, bool):
        raise ValueError("write a number.")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("write a number.") from None
    if not number.is_finite() or not each.least <= number < Decimal(10) ** 12:
        raise ValueError(f"a number of at least {each.least:g}.")
    return int(number) if number == number.to_integral_value() else float(number)


def _yes(each: Field, value: Any) -> bool:
    found = {"yes": True, "true": True, "on": True, "no": False, "false": False}.get(str(value).lower())
    if found is None:
        raise ValueError("answer yes or no.")
    return found


def _date(each: Field, value: Any) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise ValueError("write a date as 2026-11-30.") from None


def _choice(each: Field, value: Any) -> str:
    if value not in each.choices:
        raise ValueError(f"one of {', '.join(each.choices)}.")
    return str(value)


_CLEAN = {"text": _text, "long": _text, "number": _number, "yes": _yes, "date": _date, "choice": _choice}

_ALL = (
    Document(
        "core_journey",
        "Core journey and its KPIs",
        "One journey from end to end, what counts as success (each either holds or doesn't), and what it cost before.",
        (
            Field("journey", "The journey, step by step", "long"),
            Field("cost_before", "Cost of one transaction before the automation", "number"),
            Field("seconds_before", "Seconds that one transaction took before", "number"),
        ),
        (Field("kpi", "KPI"), Field("threshold", "Holds when")),
        "KPI",
    ),
    Document(
        "traffic_mix",
        "Declared traffic mix",
        "The categories of real traffic and their shares: an evaluation has to hold each that makes up 5 % or more.",
        rows=(Field("category", "Category"), Field("share", "Share, 0 to 1", "number")),
        row_name="category",
    ),
    Document(
        "edge_cases",
        "The ten most important edge cases",
        "The known cases at the edge, the most important first, and whether the agent handles each correctly.",
        rows=(
            Field("case", "The case"),
            Field("expected", "What should happen"),
            Field("handled", "Handled correctly", "yes"),
        ),
        row_name="case",
    ),
    Document(
        "exception_matrix",
        "Exception matrix",
        "Every known failure mode, how it is noticed, and the path on which it reaches a human being.",
        rows=(
            Field("failure_mode", "Failure mode"),
            Field("noticed_by", "Noticed by"),
            Field("path", "Path to a human"),
            Field("severity", "Severity", "choice", choices=("low", "medium", "high", "critical")),
        ),
        row_name="failure mode",
        signed_as="evidence.exception_matrix",
    ),
    Document(
        "stakeholder_seat",
        "A seat for those whose work changes",
        "Who speaks for them, and what they agreed that good looks like. Recorded by somebody else than the owner.",
        (
            Field("representative", "Who represents them"),
            Field("represents", "Whose work changes"),
            Field("good_looks_like", "What good looks like, as agreed", "long"),
            Field("agreed_on", "Agreed on", "date"),
        ),
        by_other=True,
    ),
    Document(
        "stress_run",
        "Stress run",
        "Broken and incomplete inputs, and the known failure mode that each one ended in.",
        rows=(
            Field("input", "The input"),
            Field("what", "Broken or incomplete", "choice", choices=("broken", "incomplete")),
            Field("failed_into", "Failure mode that it ended in"),
        ),
        row_name="input",
    ),
    Document(
        "content_record",
        "Where the text is kept",
        "Only counts and digests of inputs and outputs are stored here: name the system of record that holds the text.",
        (
            Field("system", "System of record"),
            Field("retention_days", "Days that it keeps the text", "number", least=1),
            Field("reached_by", "How an investigator reaches it", "long"),
        ),
    ),
    Document(
        "permission_review",
        "Zero-trust review",
        "Every permission that the agent holds: each tool, each authority. What isn't needed has to go first.",
        rows=(Field("permission", "Permission"), Field("needed", "Needed", "yes"), Field("why", "What for")),
        row_name="permission",
        signed_as="evidence.permission_review",
    ),
    Document(
        "data_path",
        "How data reaches the agent",
        "Each system of record that the agent reads, through which interface, and that nobody exports by hand.",
        rows=(
            Field("system", "System of record"),
            Field("interface", "Interface"),
            Field("secured", "Authenticated and encrypted", "yes"),
            Field("by_hand", "Exported by hand", "yes"),
        ),
        row_name="system",
    ),
    Document(
        "load_run",
        "Load run",
        "A run at the forecast peak or above.",
        (
            Field("forecast_peak", "Forecast peak, sessions at once", "number", least=1),
            Field("reached_peak", "Reached in the run", "number", least=0),
            Field("error_share", "Share of errors in the run, 0 to 1", "number"),
            Field("run_on", "Run on", "date"),
        ),
    ),
    Document(
        "baseline",
        "Baseline from Deploy",
        "What production was like before anything was optimised; improvements are measured against it.",
        (
            Field("accuracy", "Accuracy, 0 to 1", "number"),
            Field("per_day", "Transactions a day", "number"),
            Field("cost", "Cost of one transaction", "number"),
            Field("from_day", "From", "date"),
            Field("to_day", "To", "date"),
        ),
    ),
    Document(
        "ninety_day_plan",
        "90-day plan",
        "Targets for accuracy, throughput and cost per transaction, and what is done for each.",
        rows=(
            Field("metric", "Metric", "choice", choices=("accuracy", "throughput", "cost per transaction")),
            Field("target", "Target", "number"),
            Field("by", "By", "date"),
            Field("what", "What is done for it"),
        ),
        row_name="target",
    ),
    Document(
        "reinvestment",
        "Where the savings go",
        "What the savings are spent on. How much they are is measured, against what a transaction cost before.",
        (Field("spent_on", "Spent on", "long"),),
    ),
)
DOCUMENTS: dict[str, Document] = {document.kind: document for document in _ALL}
