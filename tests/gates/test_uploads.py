"""STAGE-2: files of any size over the page: kept in pieces, read by a worker, imported whole or not at all."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections

from apps.gates.evaluations import uploads
from apps.gates.evaluations.uploads import CHUNK, LEASE, _Kept, due, read_upload, take_upload
from apps.gates.models import Evaluation, Upload, UploadChunk
from portal.errors import Invalid, TooLarge
from portal.tenancy.context import tenant_transaction
from tests.gates.test_evaluations import HEAD, lines
from tests.pages.test_pages import signed_in
from tests.world import World


def sent(world: World, data: bytes, name: str = "runs.csv", **changes: Any) -> Upload:
    with tenant_transaction(world.tenant.id):
        return take_upload(
            **{
                "version": world.candidate,
                "purpose": "accuracy",
                "mapping": "",
                "file": SimpleUploadedFile(name, data),
                "limit": 10 * CHUNK,
                "by": world.alice,
                "actor": world.actor(world.alice),
                "now": datetime.now(UTC),
                **changes,
            }
        )


def read(world: World, upload: Upload, at: datetime | None = None) -> Upload:
    now = at or datetime.now(UTC)
    read_upload(tenant_id=world.tenant.id, upload_id=upload.id, clock=lambda: now)
    with tenant_transaction(world.tenant.id):
        return Upload.objects.get(id=upload.id)


def apart(*acts: Callable[[], None]) -> None:
    """Run the acts at once, each on a connection of its own."""

    def run(act: Callable[[], None]) -> None:
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(run, act) for act in acts]:
            done.result(30)


def count(world: World) -> tuple[int, int]:
    with tenant_transaction(world.tenant.id):
        return Evaluation.objects.count(), UploadChunk.objects.count()


def test_a_worker_imports_what_was_uploaded_once_and_drops_the_pieces(live_world: World) -> None:
    upload = sent(live_world, lines(200, 190).encode())
    assert due(datetime.now(UTC))[live_world.tenant.id] == [upload.id]
    found = read(live_world, upload)
    assert (found.state, found.done, found.due_at) == ("imported", found.size, None)
    assert count(live_world) == (1, 0)
    assert read(live_world, upload).attempt == 1
    assert count(live_world) == (1, 0)
    assert not due(datetime.now(UTC))


def test_what_is_wrong_stands_in_its_row_and_nothing_is_imported(live_world: World) -> None:
    found = read(live_world, sent(live_world, (HEAD + "a,real,1\nb,real,x\n").encode()))
    assert (found.state, found.due_at) == ("refused", None)
    assert found.problems == ["line 3, column outcome: 'x'; 1 or 0, true or false, pass or fail is wanted."]
    assert count(live_world) == (0, 0)


def test_the_same_file_twice_is_refused_the_second_time(live_world: World) -> None:
    data = lines(20, 20).encode()
    read(live_world, sent(live_world, data))
    found = read(live_world, sent(live_world, data))
    assert found.state == "refused" and "imported" in found.problems[0]


def test_a_file_that_is_too_large_or_of_another_kind_is_refused_at_once(live_world: World) -> None:
    with pytest.raises(TooLarge):
        sent(live_world, b"x" * 11, limit=10)
    with pytest.raises(Invalid, match=r"\.csv or a \.jsonl"):
        sent(live_world, b"x", name="runs.xlsx")
    with pytest.raises(Invalid, match="mapping"):
        sent(live_world, b"x", mapping="{")
    assert count(live_world) == (0, 0)


def test_while_one_worker_has_it_no_other_takes_it_and_a_silent_one_loses_it(live_world: World) -> None:
    upload, now = sent(live_world, lines(20, 20).encode()), datetime.now(UTC)
    with tenant_transaction(live_world.tenant.id):
        mine = uploads._claim(live_world.tenant.id, upload.id, now)
    assert mine is not None and mine.attempt == 1
    assert read(live_world, upload, now).state == "reading"
    assert read(live_world, upload, now + LEASE).state == "imported"
    assert count(live_world) == (1, 0)


def test_a_worker_that_lost_it_and_comes_back_changes_nothing(
    live_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, now = sent(live_world, lines(20, 20).encode()), datetime.now(UTC)
    whole = uploads._import

    def overtaken(mine: Upload, tell: Any) -> None:
        """Another worker takes it over and ends before this one does."""
        monkeypatch.setattr(uploads, "_import", whole)
        later = now + LEASE
        apart(lambda: read_upload(tenant_id=mine.tenant_id, upload_id=mine.id, clock=lambda: later))
        whole(mine, tell)

    monkeypatch.setattr(uploads, "_import", overtaken)
    found = read(live_world, upload, now)
    assert (found.state, found.attempt) == ("imported", 2)
    assert count(live_world) == (1, 0)


def test_two_workers_at_once_import_it_once(live_world: World) -> None:
    upload, now = sent(live_world, lines(200, 200).encode()), datetime.now(UTC)

    def work() -> None:
        read_upload(tenant_id=live_world.tenant.id, upload_id=upload.id, clock=lambda: now)

    apart(work, work)
    assert count(live_world) == (1, 0)


def test_a_file_at_which_workers_die_is_given_up(live_world: World) -> None:
    upload, now = sent(live_world, lines(20, 20).encode()), datetime.now(UTC)
    for attempt in range(uploads.MOST_ATTEMPTS):
        with tenant_transaction(live_world.tenant.id):
            assert uploads._claim(live_world.tenant.id, upload.id, now + attempt * LEASE) is not None
    found = read(live_world, upload, now + timedelta(hours=1))
    assert found.state == "refused" and "broke off 3 times" in found.problems[0]
    assert count(live_world) == (0, 0)


def test_pieces_read_as_the_file_that_they_were(live_world: World) -> None:
    data = bytes(range(256)) * (CHUNK // 128) + b"end"
    upload = sent(live_world, data)
    with tenant_transaction(live_world.tenant.id):
        assert UploadChunk.objects.count() == 3
        file = io.BufferedReader(_Kept(upload), 1000)  # type: ignore[type-var]
        assert file.read() == data
        file.seek(CHUNK - 5)
        assert file.read(10) == data[CHUNK - 5 : CHUNK + 5]
        assert file.tell() == CHUNK + 5


def test_on_the_page_a_large_file_goes_to_a_worker_and_its_progress_is_shown(live_world: World, settings: Any) -> None:
    settings.EVALUATION_REQUEST_LIMIT = 1_024
    alice, url = signed_in("alice"), "/t/acme/workloads/W-01/evaluations/"
    file = SimpleUploadedFile("runs.csv", lines(200, 190).encode())
    answer = alice.post(url, {"file": file, "version": str(live_world.candidate.id), "purpose": "accuracy"})
    assert answer.status_code == 302 and "/uploads/" in answer["Location"]
    waiting = alice.get(answer["Location"]).content.decode()
    assert "Waiting" in waiting and "every 1s" in waiting
    with tenant_transaction(live_world.tenant.id):
        upload = Upload.objects.get()
    read(live_world, upload)
    live = alice.get(answer["Location"], headers={"HX-Request": "true"})
    assert live.status_code == 286  # htmx stops asking
    assert "Imported" in live.content.decode()
    assert "real 0.950 (0.910 to 0.973, n = 200)" in alice.get(url).content.decode()


def test_the_api_takes_a_large_file_and_says_how_far_it_is(live_world: World) -> None:
    alice, url = signed_in("alice"), "/api/v1/t/acme/workloads/W-01/uploads"
    made = alice.post(url, {"file": SimpleUploadedFile("runs.csv", lines(20, 19).encode()), "version": "1.1"})
    assert (made.status_code, made.json()["state"]) == (202, "waiting")
    one = f"{url}/{made.json()['id']}"
    assert alice.get(one).json()["done"] == 0
    with tenant_transaction(live_world.tenant.id):
        upload = Upload.objects.get()
    read(live_world, upload)
    assert alice.get(one).json()["state"] == "imported"
