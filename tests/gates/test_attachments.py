"""STAGE-1: a file that belongs to evidence is what it says it is, is covered by its hash, and is only downloaded."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import ProgrammingError, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.gates.attachments import KINDS, LARGEST, NotWhatItSays, checked
from apps.gates.models import Attachment, Evidence
from apps.gates.replaying import replay_gate
from apps.gates.sources import _sources
from portal.errors import Invalid
from portal.tenancy.context import tenant_transaction
from tests.gates.test_gates import JOURNEY, ask, put, signed, summary
from tests.pages.test_pages import signed_in
from tests.world import World

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 20 + b"IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0 picture \xff\xd9"
PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"


@pytest.fixture
def tenant(world: World) -> Iterator[None]:
    with tenant_transaction(world.tenant.id):
        yield


@pytest.mark.parametrize(
    ("name", "data", "media_type"),
    [
        ("run.png", PNG, "image/png"),
        ("run.JPG", JPEG, "image/jpeg"),
        ("letter.pdf", PDF, "application/pdf"),
        ("notes.txt", "Ärger, und: <b>fett</b>".encode(), "text/plain"),
        ("table.csv", b"a,b\r\n1,2\r\n", "text/csv"),
        ("run.json", b'{"a": [1]}', "application/json"),
    ],
)
def test_what_is_what_it_says_is_taken(name: str, data: bytes, media_type: str) -> None:
    assert checked(name, data).media_type == media_type
    assert checked(name, data, media_type).media_type == media_type
    assert checked(name, data, "application/octet-stream").media_type == media_type


@pytest.mark.parametrize(
    ("name", "data", "claimed", "why"),
    [
        ("run.png", JPEG, "", "'run.png' says that it is image/png, and its bytes aren't."),
        ("run.jpg", PNG, "", "'run.jpg' says that it is image/jpeg, and its bytes aren't."),
        ("run.png", PNG + b"<script>", "", "'run.png' says that it is image/png, and its bytes aren't."),
        ("letter.pdf", b"<html>", "", "'letter.pdf' says that it is application/pdf, and its bytes aren't."),
        ("notes.txt", b"<!DOCTYPE html><p>", "", "'notes.txt' says that it is text/plain, and its bytes aren't."),
        ("notes.txt", b"\n <SVG onload=x>", "", "'notes.txt' says that it is text/plain, and its bytes aren't."),
        ("notes.txt", b"MZ\x00\x01", "", "'notes.txt' says that it is text/plain, and its bytes aren't."),
        ("notes.txt", b"\xff\xfe\x00", "", "'notes.txt' says that it is text/plain, and its bytes aren't."),
        ("run.json", b"{", "", "'run.json' says that it is application/json, and its bytes aren't."),
        ("notes.txt", b"hello", "text/html", "'notes.txt' was sent as text/html and is text/plain."),
        ("run.png", PNG, "image/jpeg", "'run.png' was sent as image/jpeg and is image/png."),
        ("empty.txt", b"", "", f"'empty.txt' has 0 bytes; 1 to {LARGEST} are taken."),
    ],
)
def test_what_is_not_what_it_says_is_refused(name: str, data: bytes, claimed: str, why: str) -> None:
    with pytest.raises(NotWhatItSays) as refusal:
        checked(name, data, claimed)
    assert str(refusal.value) == why


@pytest.mark.parametrize("name", ["run.exe", "page.html", "picture.svg", "archive.zip", "noending", "a\nb.txt", ".png"])
def test_other_kinds_of_files_are_not_taken(name: str) -> None:
    with pytest.raises(NotWhatItSays, match="can't be attached"):
        checked(name, PNG)


def test_a_path_is_cut_to_its_name() -> None:
    assert checked("C:\\private\\notes.txt", b"x").name == "notes.txt"
    assert checked("../../etc/notes.txt", b"x").name == "notes.txt"


@given(st.binary(max_size=300), st.sampled_from(sorted(KINDS)))
def test_no_bytes_break_the_check(data: bytes, ending: str) -> None:
    with suppress(NotWhatItSays):
        assert checked(f"x{ending}", data).data == data


def test_its_digest_is_part_of_the_documents_hash(world: World, tenant: None) -> None:
    file = checked("letter.pdf", PDF)
    made = put(world, "core_journey", JOURNEY, files=[file])
    assert made.content["attachments"] == [
        {"name": "letter.pdf", "type": "application/pdf", "bytes": len(PDF), "sha256": file.digest}
    ]
    assert made.content_hash != put(world, "core_journey", JOURNEY).content_hash


def test_a_file_twice_or_too_many_are_refused_and_nothing_is_kept(world: World, tenant: None) -> None:
    file = checked("a.txt", b"x")
    many = [checked("a.txt", str(n).encode()) for n in range(11)]
    for files in ([file, checked("b.txt", b"x")], many):
        with pytest.raises(Invalid, match="10 files at most"):
            put(world, "core_journey", JOURNEY, files=files)
    assert not Evidence.objects.exists()


def test_nobody_changes_a_file(world: World, tenant: None) -> None:
    put(world, "core_journey", JOURNEY, files=[checked("a.txt", b"x")])
    with pytest.raises(ProgrammingError), transaction.atomic():
        Attachment.objects.update(data=b"y")


def test_replaying_a_gate_names_an_altered_attachment(live_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """STAGE-5: with the owner's hands, past every check of ours."""
    monkeypatch.setitem(_sources, "P1", lambda look: summary(190))
    with tenant_transaction(live_world.tenant.id):
        put(live_world, "core_journey", JOURNEY, files=[checked("a.txt", b"x")])
        attempt = ask(live_world, "pilot")
        assert signed(live_world, "gate", attempt, "erin") == "granted"
        before = replay_gate(live_world.tenant.id, attempt.id)
        assert before is not None and before[1].agrees(attempt.digest)
    with connections["owner"].cursor() as cursor:
        cursor.execute("set row_security = off")
        cursor.execute("alter table gates_attachment no force row level security")
        cursor.execute("update gates_attachment set data = 'y'")
        cursor.execute("alter table gates_attachment force row level security")
    with tenant_transaction(live_world.tenant.id):
        after = replay_gate(live_world.tenant.id, attempt.id)
        assert after is not None
        assert after[1].altered == ["core_journey: its attachment a.txt is not what it was"]


def test_on_the_page_a_good_file_is_kept_and_downloaded_and_a_bad_one_loses_nothing(world: World) -> None:
    alice = signed_in("alice")
    journey: dict[str, Any] = {
        "head-journey": "A customer asks.",
        "head-cost_before": "4",
        "head-seconds_before": "420",
        "row-TOTAL_FORMS": "1",
        "row-INITIAL_FORMS": "0",
        "row-0-kpi": "Solved",
        "row-0-threshold": "80 %",
    }
    url = "/t/acme/workloads/W-01/evidence/core_journey/record/"
    bad = alice.post(url, {**journey, "attachments": SimpleUploadedFile("x.png", JPEG, "image/png")})
    assert bad.status_code == 400
    assert "and its bytes aren" in bad.content.decode() and "A customer asks." in bad.content.decode()
    good = alice.post(url, {**journey, "attachments": [SimpleUploadedFile("x.png", PNG, "image/png")]})
    assert good.status_code == 302
    with tenant_transaction(world.tenant.id):
        file = Attachment.objects.get()
    path = f"/t/acme/workloads/W-01/attachments/{file.id}/"
    assert path in alice.get("/t/acme/workloads/W-01/evidence/core_journey/").content.decode()
    answer = alice.get(path)
    assert (answer.content, answer["Content-Type"]) == (PNG, "image/png")
    assert answer["Content-Disposition"] == 'attachment; filename="x.png"'
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert signed_in("charlie").get(path).status_code == 404
