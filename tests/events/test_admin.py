"""In the admin subscriptions are read and stopped; nothing is made or changed there, and no address is shown."""

from apps.audit.models import AuditEntry
from apps.events.models import Delivery, Replay, Subscription
from portal.tenancy.context import tenant_transaction
from tests.admin.test_admin import act, opened, url
from tests.events.cast import fresh, subscribed
from tests.isolation.populate import populate
from tests.world import World


def test_an_operator_stops_one_saying_why_and_no_other_tenants(world: World) -> None:
    ours = subscribed(world, "https://93.184.215.14/hooks/very-secret-part")
    theirs = subscribed(world, "https://93.184.215.14/x", tenant=world.other)
    otto = opened("otto")
    act(otto, Subscription, "stop", ours, theirs, reason="it floods them")
    assert (fresh(ours).state, fresh(theirs).state) == ("paused", "active")
    with tenant_transaction(world.tenant.id):
        entry = AuditEntry.objects.get(action="subscription.paused")
    assert "it floods them" in entry.body and "otto@example.org" in entry.body


def test_it_shows_the_log_and_no_address(world: World) -> None:
    ours, _ = populate(world)
    client, row = opened("adam"), ours.sent.subscription
    for model, found in ((Subscription, row), (Delivery, ours.sent.delivery)):
        assert client.get(url(model)).status_code == 200
        text = client.get(url(model, f"{found.pk}/change/")).content.decode()
        assert "secret-receiver" not in text and row.sealed not in text
    assert client.get(url(Replay)).status_code == 200
    assert client.get(url(Subscription, "add/")).status_code == 403
