"""COST-3: what is said at 70, 90 and 100 %, to whom, and that the mail and the event are each said exactly once."""

from datetime import UTC, datetime
from smtplib import SMTPServerDisconnected
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.budgets import actions
from apps.budgets.models import AlertMail, BudgetAlert, CostGate, UserTier
from apps.events.links import links
from apps.ownership.models import Notification
from apps.tenants import actions as tenants
from apps.tenants.models import Membership
from portal.models import OutboxMessage
from portal.outbox import actions as outbox
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import gated, held, settled
from tests.world import SETUP, World

# Early in the month, so that the pace is above 1 at any share that says something.
EARLY = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 4, 12, 0, tzinfo=UTC)
SERVER = "django.core.mail.backends.locmem.EmailBackend.send_messages"


@pytest.fixture
def world(live_world: World) -> World:
    """Committed, since a message is delivered in transactions of its own. Adam pays; a month has 1,000 tokens."""
    gated(live_world)
    with tenant_transaction(live_world.tenant.id):
        CostGate.objects.update(billing_contact=live_world.adam)
        tier = UserTier.objects.get()
        actions.put_subject(tier=tier, user_key="u1", label="Charlie C", member=live_world.charlie, actor=SETUP)
    return live_world


def use(world: World, tokens: int, now: datetime = EARLY, **changes: Any) -> None:
    for _ in range(tokens // 150):
        settled(world, held(world, now=now, **changes), 50, 100, now=now)
    rest = tokens % 150
    if rest:
        settled(world, held(world, now=now, **changes), 0, rest, now=now)


def deliver(world: World, *, again: bool = False) -> int:
    with tenant_transaction(world.tenant.id):
        rows = OutboxMessage.objects.filter(topic__startswith="budget.")
        if again:
            rows.update(delivered_at=None, leased_until=None, due_at=EARLY)
        ids = list(rows.filter(delivered_at=None).order_by("created_at", "id").values_list("id", flat=True))
    return outbox.deliver(tenant_id=world.tenant.id, message_ids=ids, now=LATER)


def notices(world: World) -> list[tuple[str, str]]:
    with tenant_transaction(world.tenant.id):
        rows = Notification.objects.filter(alert=None, title__startswith="W-01").order_by("title", "person__name")
        return list(rows.values_list("person__name", "title"))


def reached(world: World) -> list[AuditEntry]:
    with tenant_transaction(world.tenant.id):
        return list(AuditEntry.objects.filter(action="budget.ceiling_reached"))


def test_below_half_nothing_is_said_and_at_seventy_a_notice_alone(world: World, mailoutbox: list[Any]) -> None:
    use(world, 499)
    assert deliver(world) == 0
    use(world, 201)
    deliver(world)
    title = "W-01: 70 % of the month's budget is used"
    assert notices(world) == [("Alice", title), ("Charlie", title)], "the owner, and whose budget it is"
    assert (mailoutbox, reached(world)) == ([], [])


def test_at_ninety_the_billing_contact_gets_one_mail_however_often_it_is_delivered(
    world: World, mailoutbox: list[Any]
) -> None:
    use(world, 900)
    deliver(world)
    deliver(world, again=True)
    (sent,) = mailoutbox
    assert sent.to == ["adam@example.org"]
    assert sent.subject == "W-01: Charlie C has used 90 % of the month's budget (Acme)"
    assert "/t/acme/workloads/W-01/cost/" in sent.body and "900 of 1,000 tokens" in sent.body
    assert len(notices(world)) == 5, "two at 70, three at 90"
    use(world, 50), use(world, 850, user_key="u2")
    deliver(world)
    assert len(mailoutbox) == 1, "once a user and month; u2 isn't there yet"
    use(world, 60, user_key="u2")
    deliver(world)
    assert [mail.subject[:28] for mail in mailoutbox[1:]] == ["W-01: user u2 has used 91 % "]


def test_a_contact_who_left_is_followed_by_the_owner(world: World, mailoutbox: list[Any]) -> None:
    use(world, 900)
    with tenant_transaction(world.tenant.id):
        Membership.objects.filter(tenant=world.tenant, user=world.adam).update(ended_at=EARLY)
    deliver(world)
    assert [mail.to for mail in mailoutbox] == [["alice@example.org"]]


def test_where_both_have_left_nobody_gets_a_mail_and_nothing_fails(world: World, mailoutbox: list[Any]) -> None:
    use(world, 900)
    with tenant_transaction(world.tenant.id):
        Membership.objects.filter(tenant=world.tenant, user__in=[world.adam, world.alice]).update(ended_at=EARLY)
    deliver(world)
    with tenant_transaction(world.tenant.id):
        assert not OutboxMessage.objects.filter(topic="budget.mail", delivered_at=None).exists()
    assert mailoutbox == []


def test_a_mail_server_that_says_no_is_asked_again_and_the_mail_goes_out_once(
    world: World, mailoutbox: list[Any]
) -> None:
    use(world, 900)
    with mock.patch(SERVER, side_effect=SMTPServerDisconnected("later")):
        deliver(world)
    with tenant_transaction(world.tenant.id):
        assert AlertMail.objects.get().state == "failed"
    deliver(world, again=True)
    deliver(world, again=True)
    assert len(mailoutbox) == 1
    with tenant_transaction(world.tenant.id):
        assert AlertMail.objects.get().state == "sent"


def test_whoever_dies_while_it_is_sent_leaves_no_second_mail(world: World, mailoutbox: list[Any]) -> None:
    """Nobody knows whether the server took it; twice would break the promise."""
    use(world, 900)
    with mock.patch(SERVER, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        deliver(world)
    deliver(world, again=True)
    assert mailoutbox == []
    assert len(notices(world)) == 5, "the notice in the product is there"


def test_at_the_ceiling_the_event_is_written_once_and_leads_to_the_cost(world: World, mailoutbox: list[Any]) -> None:
    use(world, 1_000)
    deliver(world)
    deliver(world, again=True)
    (entry,) = reached(world)
    with tenant_transaction(world.tenant.id):
        alert = BudgetAlert.objects.get(place=3)
        happened: Any = mock.Mock(object_type="budgets.budgetalert", object_id=str(alert.id))
        link = links(world.tenant.id, "acme", [happened])[str(alert.id)]
    assert (entry.object_id, entry.actor) == (str(alert.id), "task:budgets.alerts")
    for part in ('"user":"u1"', '"workload":"W-01"', '"threshold":100', '"used":1000', '"ceiling":1000'):
        assert part in entry.body
    path = f"/t/acme/budget-alerts/{alert.id}/"
    assert link.endswith(path)
    page = signed_in(world, "alice").get(path).content.decode()
    assert "Charlie C used 1,000 of 1,000 tokens" in page and "/t/acme/workloads/W-01/cost/" in page
    assert signed_in(world, "charlie").get(path).status_code == 404, "who doesn't see the workload sees no alert of it"
    assert len(mailoutbox) == 1
    token = world.token("read", user=world.alice)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    listed = client.get("/api/v1/t/acme/workloads/W-01/cost/alerts").json()["results"]
    assert sorted((row["place"], row["threshold"], row["user_key"]) for row in listed) == [
        (1, 70, "u1"),
        (2, 90, "u1"),
        (3, 100, "u1"),
    ]


def test_the_banner_stands_on_the_cost_page_and_on_the_users_own(world: World) -> None:
    now = timezone.now()
    alice, charlie = signed_in(world, "alice"), signed_in(world, "charlie")
    assert "came near it" not in alice.get("/t/acme/workloads/W-01/cost/").content.decode()
    banner(world, "u1", 2, 950, now), banner(world, "u2", 2, 910, now), banner(world, "u2", 3, 1_000, now)
    page = alice.get("/t/acme/workloads/W-01/cost/").content.decode()
    assert "This month 1 reached their ceiling and 1 came near it: user u2, Charlie C." in page
    own = charlie.get("/t/acme/").content.decode()
    assert "You have used 95 % of your budget of W-01" in own and "used all" not in own
    assert "of your budget" not in alice.get("/t/acme/").content.decode(), "it isn't hers"
    banner(world, "u1", 3, 1_000, now)
    assert "You have used all of your budget of W-01" in charlie.get("/t/acme/").content.decode()


def banner(world: World, user: str, place: int, used: int, now: datetime) -> UUID:
    with tenant_transaction(world.tenant.id):
        row = BudgetAlert.objects.create(
            tenant=world.tenant,
            workload=world.workload,
            user_key=user,
            month=f"{now:%Y-%m}@UTC",
            threshold=(70, 90, 100)[place - 1],
            place=place,
            used=used,
            ceiling=1_000,
            at=now,
        )
    return row.id


def test_a_member_who_joins_another_tenant_sees_no_banner_there(world: World) -> None:
    """TEN-1"""
    banner(world, "u1", 2, 950, timezone.now())
    with tenant_transaction(world.other.id):
        tenants.add_member(tenant_id=world.other.id, user=world.charlie, roles=["frontline"], actor=SETUP)
    charlie = signed_in(world, "charlie")
    assert "of your budget" in charlie.get("/t/acme/").content.decode()
    assert "of your budget" not in charlie.get("/t/umbra/").content.decode()


def signed_in(world: World, name: str) -> Client:
    client = Client()
    client.force_login(world.people[name])
    return client
