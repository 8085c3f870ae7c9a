"""Importing an evaluation: all of it or nothing, each file once (STAGE-2)."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from django.db import IntegrityError, connection, transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.gates.evaluations import reader
from apps.gates.evaluations.reader import Mapped, Problem, Row
from apps.gates.models import Evaluation, Purpose
from apps.tenants import queries as tenants
from apps.workloads.models import AgentVersion
from portal import faults
from portal.actor import Actor
from portal.errors import Invalid, Refused
from portal.ids import uuid7

MOST_PROBLEMS = 100
CHUNK = 20_000
KINDS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_NAMES = "input_digest, provenance, outcome, category, user_group, at"
# As in the ingest: COPY isn't allowed into a table with a row policy, so it goes through the session's own table.
_STAGE = (
    "create temporary table if not exists staged_row (input_digest bytea, provenance text, outcome bool, "
    "category text, user_group text, at timestamptz) on commit delete rows"
)
_INSERT = (
    f"with taken as (delete from pg_temp.staged_row returning {_NAMES}) "
    f"insert into gates_evaluationrow (id, tenant_id, evaluation_id, created_at, {_NAMES}) "
    f"select gen_random_uuid(), %s, %s, now(), {_NAMES} from taken"
)
# An input counts once. Seen twice with different outcomes it counts as wrong; with different provenances as the worse.
_SUMMARY = """
with seen as (
    select input_digest, bool_and(outcome) as is_right, min(category) as category, min(user_group) as user_group,
        case when bool_or(provenance = 'synthetic') then 'synthetic'
             when bool_or(provenance = 'selected') then 'selected' else 'real' end as provenance,
        min(at) as at
    from gates_evaluationrow where tenant_id = %s and evaluation_id = %s group by input_digest
)
select provenance, category, user_group, count(*), count(*) filter (where is_right),
    array_agg(distinct (at at time zone %s)::date)
        filter (where at is not null and extract(isodow from at at time zone %s) < 6)
from seen group by provenance, category, user_group
"""


def kind_of(name: str) -> str:
    """csv or jsonl, by the file's name.

    Raises:
        Invalid: neither.
    """
    kind = KINDS.get(Path(name).suffix.lower())
    if kind is None:
        raise Invalid("file_type", "Give a .csv or a .jsonl file.")
    return kind


def import_evaluation(
    *,
    version: AgentVersion,
    purpose: str,
    file: BinaryIO,
    name: str,
    mapping: Mapped,
    author: User,
    actor: Actor,
    progress: Callable[[int], None] = lambda done: None,
) -> Evaluation:
    """Read, check and store a whole file, in one transaction and constant memory.

    Raises:
        Invalid: ``problems`` names up to a hundred lines, ``count`` says how many there are; nothing was stored.
        Refused: this file is there already for this version.
    """
    kind = kind_of(name)
    digest = _file_digest(file)
    if purpose not in Purpose.values:
        raise Invalid("purpose", f"One of {', '.join(Purpose.values)}.")
    evaluation = Evaluation(
        id=uuid7(),
        tenant_id=version.tenant_id,
        workload_id=version.workload_id,
        version=version,
        purpose=purpose,
        file_name=Path(name).name[:200],
        file_digest=digest,
        mapping_digest=_digest(asdict(replace(mapping, ignore=frozenset()))),
        author=author,
        summary={},
        summary_hash="",
    )
    # A savepoint: whoever called can go on after a refusal, with nothing of this file there.
    with transaction.atomic():
        _insert(evaluation, version.label)
        rows = _store(evaluation, _checked(file, kind, mapping, progress))
    faults.point("evaluation.stored")
    evaluation.summary = _summarise(evaluation, version.label, rows)
    evaluation.summary_hash = _digest(evaluation.summary)
    evaluation.save(update_fields=["summary", "summary_hash"])
    after = {"file": evaluation.file_name, "sha256": digest, "rows": rows, "version": version.label}
    record(actor=actor, action="evaluation.imported", obj=evaluation, after=after)
    return evaluation


def _insert(evaluation: Evaluation, label: str) -> None:
    try:
        with transaction.atomic():
            evaluation.save(force_insert=True)
    except IntegrityError as error:
        if "evaluation_once" not in str(error):
            raise
        message = f"{evaluation.file_name} has been imported for version {label} in this way already."
        raise Refused("imported_already", message) from error


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=sorted)
    return hashlib.sha256(text.encode()).hexdigest()


def _file_digest(file: BinaryIO) -> str:
    found = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(0)
    return found


def _checked(file: BinaryIO, kind: str, mapping: Mapped, progress: Callable[[int], None]) -> Iterator[Row]:
    """The rows; once something is wrong the rest is only read for what else is."""
    problems: list[Problem] = []
    count = 0
    for number, found in enumerate(reader.read(file, kind, mapping)):
        if isinstance(found, Problem):
            count += 1
            problems.append(found) if count <= MOST_PROBLEMS else None
        elif not count:
            yield found
        if number % 10_000 == 0:
            progress(file.tell())
    if count:
        words = [str(problem) for problem in problems]
        more = f" And {count - len(words)} more." if count > len(words) else ""
        raise Invalid("evaluation_invalid", f"{' '.join(words[:5])}{more}", problems=words, count=count)


def _store(evaluation: Evaluation, rows: Iterator[Row]) -> int:
    """Chunk by chunk, so that no statement grows with the file."""
    stored = 0
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        while chunk := list(islice(rows, CHUNK)):
            with cursor.copy(f"copy pg_temp.staged_row ({_NAMES}) from stdin") as copy:
                for row in chunk:
                    copy.write_row((row.digest, row.provenance, row.outcome, row.category, row.group, row.at))
            cursor.execute(_INSERT, [evaluation.tenant_id, evaluation.id])
            stored += len(chunk)
    return stored


def _summarise(evaluation: Evaluation, label: str, rows: int) -> dict[str, Any]:
    """Distinct inputs by provenance, category and group, and the working days that the real ones cover."""
    zone = str(tenants.zone_of(evaluation.tenant_id))
    with connection.cursor() as cursor:
        # The one statement that does grow with the file.
        cursor.execute("set local statement_timeout = '10min'")
        cursor.execute(_SUMMARY, [evaluation.tenant_id, evaluation.id, zone, zone])
        found = cursor.fetchall()
    counts: dict[str, dict[str, int]] = {name: {"n": 0, "right": 0} for name in ("all", *reader.PROVENANCES)}
    categories: dict[str, int] = {}
    groups: dict[str, dict[str, int]] = {}
    days: set[Any] = set()
    for provenance, category, group, n, right, dates in found:
        for name in ("all", provenance):
            counts[name]["n"] += n
            counts[name]["right"] += right
        if provenance == "real":
            categories[category] = categories.get(category, 0) + n
            each = groups.setdefault(group, {"n": 0, "right": 0})
            each["n"] += n
            each["right"] += right
            days.update(dates or ())
    return {
        **counts,
        "categories": categories,
        "groups": groups,
        "working_days": len(days),
        "rows": rows,
        "file": evaluation.file_name,
        "version": label,
    }
