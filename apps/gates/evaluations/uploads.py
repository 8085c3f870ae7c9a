"""Evaluation files of any size over the page: kept in pieces, read by a worker, with its progress to be seen.

The file is imported in one transaction, all or nothing; how far it is stands in the upload's own row, which is written
beside it. A worker that dies leaves its upload due again; what it had begun is undone by the database.
"""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.db import DatabaseError, connections, transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.gates.evaluations.actions import import_evaluation, kind_of
from apps.gates.evaluations.forms import mapping_from
from apps.gates.models import Upload, UploadChunk
from apps.tenants.directory import person
from apps.tenants.queries import membership
from apps.workloads.models import AgentVersion
from portal import faults
from portal.actor import Actor
from portal.celery import app
from portal.errors import Conflict, Forbidden, PortalError, TooLarge
from portal.tenancy.context import tenant_transaction
from portal.tenancy.due import by_tenant

log = logging.getLogger("gates")

CHUNK = 1024 * 1024
LEASE = timedelta(seconds=30)
MOST_ATTEMPTS = 3
State = Upload.State


def take_upload(
    *,
    version: AgentVersion,
    purpose: str,
    mapping: str,
    file: Any,
    limit: int,
    by: User,
    actor: Actor,
    now: datetime,
) -> Upload:
    """Keep an uploaded file and wake a worker for it; nothing of it is an evaluation yet.

    If the wake-up is lost, the next tick finds the file.

    Raises:
        TooLarge: over ``limit`` bytes.
        Invalid: neither CSV nor JSON Lines by its name, or a mapping that can't be used.
    """
    if file.size > limit:
        raise TooLarge(
            "file_too_large", f"The file has over {limit} bytes; manage.py import_evaluation takes any size."
        )
    kind_of(file.name)
    mapping_from(mapping)
    upload = Upload.objects.create(
        tenant_id=version.tenant_id,
        workload_id=version.workload_id,
        version=version,
        purpose=purpose,
        mapping=mapping,
        file_name=file.name[:200],
        size=file.size,
        by=by,
        due_at=now,
        created_at=now,
    )
    file.seek(0)
    for number, data in enumerate(iter(lambda: file.read(CHUNK), b"")):
        UploadChunk.objects.create(tenant_id=upload.tenant_id, upload=upload, number=number, data=data)
    after = {"file": upload.file_name, "bytes": upload.size}
    record(actor=actor, action="evaluation.uploaded", obj=upload, after=after)
    names = {"tenant_id": str(upload.tenant_id), "upload_id": str(upload.id)}
    transaction.on_commit(lambda: app.send_task("gates.read_upload", kwargs=names), robust=True)
    return upload


def due(now: datetime, limit: int = 1_000) -> dict[UUID, list[UUID]]:
    """Uploads that wait for a worker, or whose worker has gone silent: ids by tenant."""
    return by_tenant(
        "gates.find", lambda alias: Upload.objects.using(alias).filter(due_at__lte=now).order_by("due_at"), limit
    )


def read_upload(*, tenant_id: UUID, upload_id: UUID, clock: Callable[[], datetime]) -> None:
    """Import one upload, if it is due and nobody else has it. Whatever is wrong with the file stands in its row."""
    with tenant_transaction(tenant_id):
        upload = _claim(tenant_id, upload_id, clock())
    if upload is None:
        return
    faults.point("upload.claimed")
    try:
        with _telling(upload, clock) as tell, tenant_transaction(tenant_id):
            _import(upload, tell)
            if not _end(upload, State.IMPORTED, []):
                raise Conflict("taken_over", "Another worker has taken this upload over; this import is undone.")
            faults.point("upload.ended")
    except PortalError as error:
        problems: list[str] = error.data.get("problems") or [error.message]
        with tenant_transaction(tenant_id):
            _end(upload, State.REFUSED, problems)


def _claim(tenant_id: UUID, upload_id: UUID, now: datetime) -> Upload | None:
    rows = Upload.objects.filter(tenant=tenant_id, id=upload_id, due_at__lte=now)
    upload = rows.select_for_update(skip_locked=True, of=("self",)).select_related("version", "by").first()
    if upload is None:
        return None
    upload.attempt, upload.state, upload.due_at, upload.done = upload.attempt + 1, State.READING, now + LEASE, 0
    upload.save(update_fields=["attempt", "state", "due_at", "done"])
    if upload.attempt > MOST_ATTEMPTS:
        _end(upload, State.REFUSED, [f"Reading it broke off {MOST_ATTEMPTS} times; split the file, or see the log."])
        return None
    return upload


def _import(upload: Upload, tell: Callable[[int], None]) -> None:
    member = membership(upload.tenant_id, upload.by_id)
    if member is None:
        raise Forbidden("not_a_member", "Whoever sent this file is no longer a member.")
    import_evaluation(
        version=upload.version,
        purpose=upload.purpose,
        file=cast(BinaryIO, io.BufferedReader(_Kept(upload), CHUNK)),
        name=upload.file_name,
        mapping=mapping_from(upload.mapping),
        author=upload.by,
        actor=person(member, upload.by),
        progress=tell,
    )


def _end(upload: Upload, state: State, problems: list[str]) -> bool:
    """The end of this attempt; False, and nothing changed, if another one has begun meanwhile."""
    mine = Upload.objects.filter(tenant=upload.tenant_id, id=upload.id, attempt=upload.attempt).exclude(due_at=None)
    if not mine.update(state=state, problems=problems, due_at=None, done=upload.size):
        return False
    UploadChunk.objects.filter(tenant=upload.tenant_id, upload=upload.id).delete()
    return True


@contextmanager
def _telling(upload: Upload, clock: Callable[[], datetime]) -> Iterator[Callable[[int], None]]:
    """Each second, beside the import's own transaction: how far it is, and that its worker lives."""
    reached = 0
    over = Event()

    def tell(done: int) -> None:
        nonlocal reached
        reached = min(done, upload.size)

    def write() -> None:
        with tenant_transaction(upload.tenant_id):
            rows = Upload.objects.filter(tenant=upload.tenant_id, id=upload.id, attempt=upload.attempt)
            rows.filter(state=State.READING).update(done=reached, due_at=clock() + LEASE)

    def keep_writing() -> None:
        try:
            while not over.wait(1.0):
                write()
        except DatabaseError:
            log.exception("an upload's progress can't be written", extra={"upload": str(upload.id)})
        finally:
            connections.close_all()

    beside = Thread(target=keep_writing, name="upload-progress", daemon=True)
    beside.start()
    try:
        yield tell
    finally:
        over.set()
        beside.join()


class _Kept(io.RawIOBase):
    """An upload's pieces as one file that can be read and rewound; one piece in memory at a time."""

    def __init__(self, upload: Upload) -> None:
        self._upload, self._at = upload, 0
        self._number, self._data = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._upload.size}[whence]
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        number, start = divmod(self._at, CHUNK)
        data = self._piece(number)[start : start + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _piece(self, number: int) -> bytes:
        if number != self._number:
            rows = UploadChunk.objects.filter(tenant=self._upload.tenant_id, upload=self._upload.id, number=number)
            found = rows.values_list("data", flat=True).first()
            self._number, self._data = number, bytes(found) if found is not None else b""
        return self._data
