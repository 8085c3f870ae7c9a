"""What the tests of paging need: people who can be reached, an alert, and the clock that both share."""

from datetime import datetime, timedelta
from typing import Any

from apps.accounts.models import User
from apps.ownership.alerts import climb
from apps.ownership.alerts.actions import Signal, trigger
from apps.ownership.alerts.escalation import Aim, Policy, Step, Target
from apps.ownership.alerts.policies import set_policy
from apps.ownership.models import Alert, Channel, Notification, OnCallEvent
from apps.ownership.models.alerts import Severity, Source
from apps.ownership.models.channels import ChannelKind
from apps.tenants.models import Team, Tenant
from apps.tenants.roles import Role
from portal.actor import Actor
from portal.secrets import seal
from portal.tenancy.context import tenant_transaction
from tests.world import NOW, World

LEAD = Actor(kind="task", id=None, label="task:setup", roles=frozenset({Role.OPS_LEAD}))
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    """``12:04:59`` on the day of the tests."""
    hour, minute, *second = (int(part) for part in text.split(":"))
    return NOW.replace(hour=hour, minute=minute, second=second[0] if second else 0)


def reachable(
    tenant: Tenant, owner: User | Team, address: str = "", kind: ChannelKind = ChannelKind.EMAIL, **fields: Any
) -> Channel:
    """A channel that was proved; call it inside the tenant's transaction or outside."""
    mine = {"person": owner} if isinstance(owner, User) else {"team": owner}
    with tenant_transaction(tenant.id):
        return Channel.objects.create(
            tenant_id=tenant.id,
            kind=kind,
            name="test",
            sealed=seal(address or f"{owner}@example.org"),
            shown="test",
            **{"verified_at": NOW, **mine, **fields},
        )


def person_step(user: User, minutes: int) -> Step:
    return Step((Target(Aim.PERSON, str(user.id)),), minutes * MINUTE)


def rota_step(rank: int, minutes: int) -> Step:
    return Step((Target(Aim.ROTA, str(rank)),), minutes * MINUTE)


def policy_of(world: World, *steps: Step, repeats: int = 1, ack_timeout: timedelta | None = None) -> None:
    with tenant_transaction(world.tenant.id):
        policy = Policy(steps, repeats, ack_timeout)
        set_policy(team=world.team, policy=policy, wakes=Severity.WARNING, actor=LEAD, now=NOW)


def signal(world: World, key: str = "disk", **fields: Any) -> Signal:
    values = {"source": Source.RULE, "key": key, "summary": "It is broken.", "workload": world.workload, **fields}
    return Signal(**values)


def opened(world: World, when: datetime = NOW, key: str = "disk", **fields: Any) -> Alert:
    with tenant_transaction(world.tenant.id):
        return trigger(tenant_id=world.tenant.id, signal=signal(world, key, **fields), now=when)[0]


def look(world: World, when: datetime) -> int:
    """What the pager does at an instant: everything that is due by then, once."""
    with tenant_transaction(world.tenant.id):
        rows = Alert.objects.filter(due_at__lte=when)
        return climb.run(tenant_id=world.tenant.id, ids=list(rows.values_list("id", flat=True)), now=when)


def fresh(alert: Alert) -> Alert:
    with tenant_transaction(alert.tenant_id):
        return Alert.objects.select_related("workload__owner", "policy", "incident", "team").get(id=alert.id)


def events(alert: Alert) -> list[tuple[str, str]]:
    """The story as (clock, kind)."""
    with tenant_transaction(alert.tenant_id):
        rows = OnCallEvent.objects.filter(alert=alert.id).order_by("created_at", "id")
        return [(f"{row.created_at:%H:%M}", row.kind) for row in rows]


def woken(alert: Alert) -> list[tuple[str, str]]:
    """Whom a message goes to outside the product, as (clock, first name), by entry, clock and name."""
    with tenant_transaction(alert.tenant_id):
        rows = Notification.objects.filter(alert=alert.id, channel__isnull=False).select_related("person")
        told = [(row.entry, f"{row.due_at:%H:%M}", row.person.name if row.person else "team") for row in rows]
        return [(clock, name) for _, clock, name in sorted(told)]
