"""Passwords that are refused, and guessing: it slows down, stops, and never tells whether an account is there."""

import hashlib
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connection
from django.test import Client, override_settings
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts import passwords
from apps.accounts.models import User
from portal import env
from tests.signingin import by_password
from tests.world import PASSWORD, World


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_too_short"),
        ("password1234", "password_too_weak"),
        ("aaaaaaaaaaaaaaaa", "password_too_weak"),
        ("qwertyuiop[]", "password_too_weak"),
        ("alice@example.org1", "password_too_weak"),
    ],
)
def test_what_is_guessed_easily_is_refused_with_advice(world: World, password: str, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password(password, world.alice)
    assert code in {error.code for error in refused.value.error_list}


def test_the_advice_is_in_words(world: World) -> None:
    with pytest.raises(ValidationError, match=r"too easy to guess.*Add another word or two"):
        passwords.StrengthValidator().validate("password1234", world.alice)


def test_uncommon_words_do(world: World) -> None:
    validate_password("gravel-otter-mandolin-seven", world.alice)
    passwords.StrengthValidator().validate("gravel otter mandolin " * 400, world.alice)


def test_what_an_attacker_knows_of_a_person_is_no_secret(world: World) -> None:
    validator = passwords.StrengthValidator()
    validator.validate("alice@example.org1", None)
    with pytest.raises(ValidationError):
        validator.validate("alice@example.org1", world.alice)
    words = passwords.known_words(world.alice)
    assert {"acme", "alice", "example"} <= set(words) and "umbra" not in words
    assert passwords.known_words(None) == []


def listed(folder: Path, leaked: set[str], newline: str = "\r\n") -> Path:
    lines = sorted(f"{hashlib.sha1(word.encode()).hexdigest().upper()}:{len(word)}" for word in leaked)
    file = folder / "leaked.txt"
    file.write_bytes("".join(line + newline for line in lines).encode())
    return file


@given(leaked=st.sets(st.text(max_size=12), max_size=60), other=st.text(max_size=12), windows=st.booleans())
def test_the_list_is_searched_right_whatever_stands_in_it(
    tmp_path_factory: Any, leaked: set[str], other: str, windows: bool
) -> None:
    file = listed(tmp_path_factory.mktemp("list"), leaked, "\r\n" if windows else "\n")
    assert all(passwords.is_listed(word, file) for word in leaked)
    assert passwords.is_listed(other, file) is (other in leaked)


def test_a_long_list_takes_few_reads(tmp_path: Path) -> None:
    """Twenty thousand lines in at most sixteen looks, each of a line or two."""
    file = listed(tmp_path, {f"word {number}" for number in range(20_000)})
    with patch.object(passwords, "_line_at", wraps=passwords._line_at) as looked:
        assert passwords.is_listed("word 12345", file)
        assert not passwords.is_listed("no such word", file)
    assert looked.call_count <= 45


def test_a_leaked_password_is_refused_where_the_installation_has_the_list(world: World, tmp_path: Path) -> None:
    leaked = "gravel-otter-mandolin-seven"
    validate_password(leaked, world.alice)
    with (
        override_settings(LEAKED_PASSWORDS_FILE=str(listed(tmp_path, {leaked, "another"}))),
        pytest.raises(ValidationError, match="has leaked"),
    ):
        validate_password(leaked, world.alice)


def test_a_list_that_cannot_be_read_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED_PASSWORDS_FILE", "/nowhere/list.txt")
    with pytest.raises(ImproperlyConfigured, match=r"LEAKED_PASSWORDS_FILE names /nowhere/list\.txt"):
        env.file("LEAKED_PASSWORDS_FILE")


def test_the_page_refuses_a_weak_one_and_changes_nothing(world: World) -> None:
    alice = by_password("alice")
    hashed = User.objects.get(id=world.alice.id).password
    form = {"oldpassword": PASSWORD, "password1": "password12345", "password2": "password12345"}
    assert b"too easy to guess" in alice.post("/accounts/password/change/", form).content
    assert User.objects.get(id=world.alice.id).password == hashed


def attempt(address: str, password: str = "wrong password here", **options: Any) -> tuple[int, str, int]:
    """Status, page and how many passwords were hashed."""
    with patch.object(MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode) as hashed:
        answer = Client().post("/accounts/login/", {"login": address, "password": password}, **options)
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
    return answer.status_code, page.replace(address, "ADDRESS"), hashed.call_count


def test_an_account_that_is_there_and_one_that_is_not_answer_alike(world: World) -> None:
    """Same status, same page, same number of hashes: before, at and after the point where it is refused."""
    world.bob.set_unusable_password()
    world.bob.save()
    for number in range(7):
        known, unknown, without = (attempt(f"{name}@example.org") for name in ("alice", "nobody", "bob"))
        assert known == unknown == without, number
        assert known[2] == (1 if number < 5 else 0), "what is refused isn't compared"


def test_after_too_many_failures_even_the_right_password_waits(world: World) -> None:
    for _ in range(5):
        attempt("alice@example.org")
    status, page, hashes = attempt("alice@example.org", PASSWORD)
    assert (status, hashes) == (200, 0) and "Too many failed login attempts" in page
    assert attempt("bob@example.org", PASSWORD)[0] == 302, "nobody else is kept out"


def test_guessing_slows_down_from_window_to_window(world: World) -> None:
    """Five in a minute, ten in a quarter of an hour, twenty in an hour: each minute that passes gives fewer tries."""
    taken = []
    with patch("allauth.core.internal.ratelimit.time.time") as clock:
        for minute in range(5):
            clock.return_value = 1_800_000_000.0 + 61 * minute
            tries = [attempt("alice@example.org") for _ in range(6)]
            taken.append(sum(hashes for _, _, hashes in tries))
    assert taken == [5, 5, 0, 0, 0]


def test_a_network_that_tries_many_addresses_is_stopped(world: World) -> None:
    results = [attempt(f"somebody-{number}@example.org")[2] for number in range(31)]
    assert results == [1] * 30 + [0]
    assert attempt("alice@example.org", PASSWORD)[2] == 0
    assert attempt("alice@example.org", PASSWORD, REMOTE_ADDR="198.51.100.7")[0] == 302


def test_what_is_counted_is_seen_by_every_process(world: World) -> None:
    """It stands in the database: not in a process's memory, nor in a server that may be away while this one is up."""
    attempt("alice@example.org")
    assert settings.CACHES["default"]["BACKEND"].endswith("db.DatabaseCache")
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from portal_cache where cache_key like '%login_failed%'")
        assert cursor.fetchone()[0] > 0


def test_a_forgotten_password_is_asked_for_alike(world: World, mailoutbox: list[Any]) -> None:
    answers = [
        Client().post("/accounts/password/reset/", {"email": f"{name}@example.org"}) for name in ("alice", "nobody")
    ]
    assert [(each.status_code, each.headers["Location"]) for each in answers] == [
        (302, "/accounts/password/reset/done/")
    ] * 2
    assert [mail.to for mail in mailoutbox] == [["alice@example.org"], ["nobody@example.org"]]
    assert "/accounts/password/reset/key/" in mailoutbox[0].body
    assert "no account here" in mailoutbox[1].body and "http" not in mailoutbox[1].body
