"""FEED-1 by e-mail: from a member whose sender our own mail server proved, and from nobody else."""

import io
import sys
from email.message import EmailMessage
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from apps.feedback import mail
from apps.feedback.models import Report
from portal.errors import Forbidden, Invalid, PortalError
from portal.tenancy.context import tenant_transaction
from tests.world import World

PROVED = "mx.acme.example; dmarc=pass (p=reject) header.from=example.org"
TEXT = "It quoted last year's price.\n\nWhat would have helped: this year's.\n\nOn Friday Ann wrote:\n> old"


def letter(text: str = TEXT, results: tuple[str, ...] = (PROVED,), **headers: str) -> bytes:
    message = EmailMessage()
    for result in results:
        message["Authentication-Results"] = result
    said = {"From": "Charlie <charlie@example.org>", "To": "feedback+W-01@acme.example", "Subject": "Prices", **headers}
    for name, value in said.items():
        message[name] = value
    message.set_content(text)
    return message.as_bytes()


def read(raw: bytes) -> mail.Letter:
    return mail.read(raw, server="mx.acme.example")


def test_a_message_is_read_without_what_it_quotes() -> None:
    found = read(letter(Subject="Prices [request req-77]"))
    assert (found.sender, found.workload, found.request_id) == ("charlie@example.org", "W-01", "req-77")
    assert (found.what_happened, found.would_help) == ("Prices\n\nIt quoted last year's price.", "this year's.")
    assert read(letter("Only this.")).would_help == mail.UNSAID


@pytest.mark.parametrize(
    "results",
    [
        (),
        ("mx.acme.example; dmarc=fail header.from=example.org",),
        ("mx.acme.example; dkim=pass header.d=example.org",),
        ("mx.acme.example; dmarc=pass header.from=other.org",),
        ("mx.evil.example; dmarc=pass header.from=example.org",),
        ("mx.acme.example; dmarc=fail header.from=example.org", PROVED),
        ("mx.acme.example; dmarc=passed header.from=example.org",),
        ("mx.acme.example; spf=pass smtp.mailfrom=dmarc=pass/header.from=example.org@evil.org; dmarc=fail",),
        ("mx.acme.example; dkim=pass header.i=dmarc=pass/header.from=example.org@evil.org",),
        ("mx.acme.example; dmarc=fail (was dmarc=pass) header.from=example.org",),
        ("mx.acme.example; dmarc=fail (a (dmarc=pass) header.from=example.org; dmarc=pass) header.from=example.org",),
        ('mx.acme.example; spf=pass smtp.mailfrom="; dmarc=pass header.from=example.org"@evil.org; dmarc=fail',),
        ("mx.acme.example; dmarc=pass header.from=example.org; dmarc=fail header.from=example.org",),
        ("mx.acme.example; dmarc=pass header.from=evil.org header.from=example.org",),
        ("mx.acme.example; dmarc=fail reason=x; arc=pass dmarc=none header.from=example.org",),
    ],
)
def test_a_sender_that_our_own_server_did_not_prove_is_refused(results: tuple[str, ...]) -> None:
    with pytest.raises(Forbidden):
        read(letter(results=results))


@pytest.mark.parametrize(
    "result",
    ["MX.acme.example; spf=fail; DMARC=Pass (p=none; dis=none) header.from=Example.org", PROVED],
)
def test_what_servers_really_write_is_read(result: str) -> None:
    assert read(letter(results=(result,))).sender == "charlie@example.org"


def test_two_senders_or_none_are_refused() -> None:
    with pytest.raises(Forbidden):
        read(letter(From="charlie@example.org, boss@example.org"))
    with pytest.raises(Forbidden):
        read(letter(From="nobody"))
    with pytest.raises(Forbidden):
        read(b"From: boss@example.org\n" + letter())


@pytest.mark.parametrize(
    ("options", "code"), [({"To": "feedback@acme.example"}, "workload"), ({"text": "> only quoted"}, "empty")]
)
def test_a_message_that_says_too_little_is_refused(options: dict[str, str], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(letter(**options))
    assert refused.value.code == code


@given(st.binary(max_size=300))
def test_any_bytes_are_a_letter_or_a_sentence(noise: bytes) -> None:
    for raw in (noise, letter() + noise, b"Authentication-Results: " + noise + b"\n" + letter(), noise + letter()):
        try:
            read(raw)
        except PortalError as error:
            assert error.message


def received(monkeypatch: pytest.MonkeyPatch, raw: bytes, tenant: str = "acme") -> str:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    call_command("receive_feedback", tenant=tenant, server="mx.acme.example", stdout=out)
    return out.getvalue()


def with_picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    message = EmailMessage()
    message["Authentication-Results"], message["From"] = PROVED, "charlie@example.org"
    message["To"], message["Subject"] = "feedback+W-01@acme.example", "Prices"
    message.set_content(TEXT)
    message.add_attachment(out.getvalue(), maintype="image", subtype="png", filename="shot.png")
    return message.as_bytes()


def test_a_members_message_becomes_their_report(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said = received(monkeypatch, with_picture())
    with tenant_transaction(world.tenant.id):
        report = Report.objects.get()
        assert said == f"Taken as report {report.id}.\n"
        assert (report.reporter_id, report.source, report.screenshots.get().width) == (world.charlie.id, "mail", 8)


def test_a_message_that_comes_again_is_the_same_report(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server that didn't hear of the first success tries again, with another trace on top."""
    first = received(monkeypatch, letter(**{"Message-ID": "<1@acme.example>"}))
    again = received(monkeypatch, b"Received: again\n" + letter(**{"Message-ID": "<1@acme.example>"}))
    assert again == first
    received(monkeypatch, letter(**{"Message-ID": "<2@acme.example>"}))
    received(monkeypatch, letter())
    received(monkeypatch, letter())
    with tenant_transaction(world.tenant.id):
        assert Report.objects.count() == 4, "one that has no id of its own is one each time"


@pytest.mark.parametrize(
    ("raw", "tenant", "why"),
    [
        (letter(From="mallory@example.org"), "acme", "Only members"),
        (letter(), "umbra", "Only members"),
        (letter(), "nowhere", "no tenant"),
        (letter(To="feedback+W-99@acme.example"), "acme", "no workload"),
        (letter(results=()), "acme", "isn't proved"),
    ],
)
def test_nobody_elses_does(world: World, monkeypatch: pytest.MonkeyPatch, raw: bytes, tenant: str, why: Any) -> None:
    with pytest.raises(CommandError, match=why):
        received(monkeypatch, raw, tenant)
    with tenant_transaction(world.tenant.id):
        assert not Report.objects.exists()
