"""Events as pages: who sees them, what they say, and what a click does."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.audit.models import AuditEntry
from apps.events.catalogue import TYPES
from apps.events.models import Delivery, Replay, Subscription
from portal.tenancy.context import tenant_transaction
from tests.events.cast import carry, change, fresh, happen, log, now, replays, subscribed
from tests.ownership.alerts.receiver import Receiver
from tests.world import PASSWORD, World

EVENTS = "/t/acme/events/"
HOOK = "https://93.184.215.14/hooks/very-secret-part"


def signed_in(name: str) -> Client:
    client = Client()
    assert client.login(email=f"{name}@example.org", password=PASSWORD)
    return client


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.content.decode())


def cost(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_from_an_empty_page_to_a_subscription_whose_secret_is_shown_once(world: World) -> None:
    adam = signed_in("adam")
    assert "Make one, and each rollout, approval, alert or change is sent" in page(adam, EVENTS)
    said = {"name": "lake", "address": HOOK, "patterns": "rollout.*, causeway.gate.opened"}
    made = adam.post(f"{EVENTS}new/", said)
    assert made.status_code == 200 and b"whsec_" in made.content and b"very-secret" not in made.content
    with tenant_transaction(world.tenant.id):
        row = Subscription.objects.get()
    assert row.patterns == ["rollout.*", "gate.opened"]
    for path in (EVENTS, f"{EVENTS}{row.id}/", f"{EVENTS}{row.id}/edit/"):
        text = page(adam, path)
        assert "whsec_" not in text and "very-secret" not in text, path
    shown = adam.post(f"{EVENTS}{row.id}/secret/")
    assert re.findall(r"whsec_[\w+/=]+", shown.content.decode()) == re.findall(r"whsec_[\w+/=]+", made.content.decode())
    assert shown.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"address": "https://10.0.0.1/x"}, "10.0.0.1 is a private address"),
        ({"address": "http://93.184.215.14/x"}, "begins with https"),
        ({"patterns": "rolout.*"}, "No event will ever match rolout.*"),
        ({"name": " "}, "This field is required"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_made(world: World, said: dict[str, str], words: str) -> None:
    answer = signed_in("adam").post(f"{EVENTS}new/", {"name": "n", "address": HOOK, "patterns": "*", **said})
    assert answer.status_code == 400 and words in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        assert not Subscription.objects.exists()


@pytest.mark.parametrize("who", ["alice", "charlie", "gina", "audrey"])
def test_the_others_neither_see_nor_find_it(world: World, who: str) -> None:
    row, client = subscribed(world, HOOK), signed_in(who)
    for path in (EVENTS, f"{EVENTS}{row.id}/", f"{EVENTS}types/"):
        assert client.get(path).status_code == 403
    assert client.post(f"{EVENTS}{row.id}/remove/").status_code == 403
    assert f'href="{EVENTS}"' not in page(client, "/t/acme/workloads/")
    assert f'href="{EVENTS}"' in page(signed_in("adam"), "/t/acme/workloads/")
    assert fresh(row).removed_at is None


def test_an_unknown_subscription_is_not_there(world: World) -> None:
    adam, theirs = signed_in("adam"), subscribed(world, HOOK, tenant=world.other)
    for found in (theirs.id, uuid4()):
        assert adam.get(f"{EVENTS}{found}/").status_code == 404
        assert adam.post(f"{EVENTS}{found}/pause/").status_code == 404


def test_a_delivery_is_found_under_its_own_subscription_alone(world: World, hook: Receiver) -> None:
    row, other = subscribed(world, hook.address), subscribed(world, hook.address, name="other")
    happen(world, "workload.edited")
    carry(row)
    (found,) = log(row)
    adam = signed_in("adam")
    assert adam.get(f"{EVENTS}{row.id}/deliveries/{found.id}/").status_code == 200
    assert adam.get(f"{EVENTS}{other.id}/deliveries/{found.id}/").status_code == 404
    assert adam.post(f"{EVENTS}{other.id}/deliveries/{found.id}/resend/").status_code == 404


def test_the_log_shows_what_was_answered_filters_by_state_and_sends_again(world: World, hook: Receiver) -> None:
    row, adam = subscribed(world, hook.address), signed_in("adam")
    hook.answer = lambda got: (500 if "edited" in got.json["type"] else 200, {}, "<b>boom</b>")
    happen(world, "workload.edited", "workload.offered")
    carry(row)
    bad, good = log(row)
    text = page(adam, f"{EVENTS}{row.id}/")
    assert "500 &lt;b&gt;boom&lt;/b&gt;" in text and "workload.offered" in text
    text = page(adam, f"{EVENTS}{row.id}/?state=pending")
    assert f"deliveries/{bad.id}/" in text and f"deliveries/{good.id}/" not in text
    text = page(adam, f"{EVENTS}{row.id}/deliveries/{good.id}/")
    assert good.body.replace('"', "&quot;") in text and "Taken" in text
    assert "Send it again" not in page(adam, f"{EVENTS}{row.id}/deliveries/{bad.id}/")
    answer = adam.post(f"{EVENTS}{row.id}/deliveries/{good.id}/resend/")
    again = log(row)[-1]
    assert answer.headers["Location"] == f"{EVENTS}{row.id}/deliveries/{again.id}/" and again.run == 1


def test_a_replay_says_how_many_before_it_starts(world: World, hook: Receiver) -> None:
    seqs = happen(world, "workload.edited", "alert.opened", "workload.offered")
    row, adam = subscribed(world, hook.address), signed_in("adam")
    text = page(adam, f"{EVENTS}{row.id}/replay/?first={seqs[0]}")
    assert f"2 events from number {seqs[0]} to {seqs[-1] + 1} would be sent again." in text
    assert replays(row) == []
    answer = adam.post(f"{EVENTS}{row.id}/replay/", {"first": seqs[0], "last": seqs[-1] + 1}, follow=True)
    assert "2 events will be sent again." in answer.content.decode()
    assert "Replay 1: 0 of 2" in page(adam, f"{EVENTS}{row.id}/")
    carry(row)
    assert "Replay 1: 2 of 2, done" in page(adam, f"{EVENTS}{row.id}/")
    assert "Say one of the two" in page(adam, f"{EVENTS}{row.id}/replay/?first=&since=")
    assert "there is nothing to send again" in page(adam, f"{EVENTS}{row.id}/replay/?first=99999")
    assert adam.post(f"{EVENTS}{row.id}/replay/", {"first": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("verb", "data", "expected"),
    [
        ("pause", {}, ("paused", 1, False)),
        ("rotate", {}, ("active", 2, False)),
        ("rotate", {"leaked": "on"}, ("active", 2, False)),
        ("remove", {}, ("active", 1, True)),
        ("test", {}, ("active", 1, False)),
        ("try-now", {}, ("active", 1, False)),
    ],
)
def test_a_button_does_what_it_says(
    world: World, verb: str, data: dict[str, str], expected: tuple[str, int, bool]
) -> None:
    row, adam = subscribed(world, HOOK), signed_in("adam")
    assert adam.get(f"{EVENTS}{row.id}/{verb}/").status_code == 405
    assert adam.post(f"{EVENTS}{row.id}/{verb}/", data).status_code == 302
    found = fresh(row)
    assert (found.state, found.secret_number, found.removed_at is not None) == expected
    assert (found.former_until is not None) == (verb == "rotate" and not data)


@pytest.mark.parametrize("start", ["stop", "now"])
def test_whoever_resumes_it_chooses_from_where(world: World, start: str) -> None:
    row, adam = subscribed(world, HOOK), signed_in("adam")
    adam.post(f"{EVENTS}{row.id}/pause/")
    happen(world, "workload.edited")
    text = page(adam, f"{EVENTS}{row.id}/")
    assert "Resume from where it stopped" in text and "Resume from now" in text and "Try again now" not in text
    assert "Nothing goes out: paused. By adam@example.org." in text
    adam.post(f"{EVENTS}{row.id}/resume/", {"from": start})
    with tenant_transaction(world.tenant.id):
        behind = AuditEntry.objects.filter(seq__gt=fresh(row).cursor, action="workload.edited").count()
    assert (fresh(row).state, behind) == ("active", 1 if start == "stop" else 0)


def test_what_can_not_be_done_is_said_and_nothing_changes(world: World) -> None:
    row, adam = subscribed(world, HOOK), signed_in("adam")
    answer = adam.post(f"{EVENTS}{row.id}/resume/", {"from": "now"}, follow=True)
    assert "It is active already." in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        assert not AuditEntry.objects.filter(action="subscription.resumed").exists()


def test_why_nothing_arrives_stands_at_the_top(world: World, hook: Receiver) -> None:
    row, adam = subscribed(world, hook.address), signed_in("adam")
    hook.answer = lambda got: (503, {}, "maintenance")
    happen(world, *["workload.edited"] * 4)
    carry(row)
    text = page(adam, f"{EVENTS}{row.id}/")
    assert "The last 3 attempts failed; nothing got through for" in text and "Try again now" in text
    assert "503 maintenance" in text
    assert "failing" in page(adam, EVENTS)
    change(row, failures=0, failing_since=None, rest_until=None, worked_at=now() - timedelta(minutes=9))
    with tenant_transaction(world.tenant.id):
        Delivery.objects.update(due_at=now() - timedelta(minutes=5))
    assert "the courier isn&#x27;t running, or is behind" in page(adam, f"{EVENTS}{row.id}/")


def test_every_type_is_listed(world: World) -> None:
    text = page(signed_in("adam"), f"{EVENTS}types/")
    assert all(f"<code>causeway.{action}</code>" in text for action in TYPES)


def more_rows(world: World, row: Subscription) -> None:
    for name in ("b", "c"):
        subscribed(world, HOOK, name=name)


def more_log(world: World, row: Subscription) -> None:
    happen(world, "workload.edited", "workload.offered")
    change(row, rest_until=None)
    carry(row)
    with tenant_transaction(world.tenant.id):
        for number in (2, 3):
            Replay.objects.create(
                tenant_id=world.tenant.id,
                subscription=row,
                number=number,
                first=1,
                last=1,
                cursor=1,
                total=1,
                by=world.adam,
                finished_at=now(),
            )


@pytest.mark.parametrize(
    ("path", "more", "expected"),
    [("", more_rows, 11), ("{id}/", more_log, 20), ("{id}/deliveries/{delivery}/", more_log, 11)],
)
def test_a_page_costs_the_same_at_one_row_and_at_three(
    world: World, hook: Receiver, path: str, more: Callable[[World, Subscription], None], expected: int
) -> None:
    row = subscribed(world, hook.address)
    happen(world, "workload.edited")
    carry(row)
    with tenant_transaction(world.tenant.id):
        Replay.objects.create(
            tenant_id=world.tenant.id,
            subscription=row,
            number=1,
            first=1,
            last=1,
            cursor=1,
            total=1,
            by=world.adam,
            finished_at=now(),
        )
    where, adam = f"{EVENTS}{path.format(id=row.id, delivery=log(row)[0].id)}", signed_in("adam")
    assert cost(adam, where) == expected
    more(world, row)
    assert cost(adam, where) == expected
