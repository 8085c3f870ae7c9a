from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.ownership.models import Absence, Channel, Notification, NotificationRule
from apps.ownership.models.channels import NoticeKind
from portal.actor import Actor
from portal.errors import NotFound

MOST_COUNTED = 100
_APPROVAL, _FEEDBACK = Q(link__startswith="approvals/"), Q(link__startswith="feedback/")
# A notice is about what it leads to.
_ABOUT = {
    NoticeKind.ALERT: Q(alert__isnull=False),
    NoticeKind.APPROVAL: _APPROVAL,
    NoticeKind.FEEDBACK: _FEEDBACK,
    NoticeKind.OTHER: Q(alert=None) & ~_APPROVAL & ~_FEEDBACK,
}


def mine(tenant_id: UUID, person_id: UUID) -> QuerySet[Channel]:
    return _live(tenant_id).filter(person=person_id)


def of_team(tenant_id: UUID, team_id: UUID) -> QuerySet[Channel]:
    return _live(tenant_id).filter(team=team_id)


def channel(tenant_id: UUID, actor: Actor, channel_id: UUID) -> Channel:
    """One's own, or one's team's; whoever may manage rotas gets any team's."""
    found = _live(tenant_id).filter(id=channel_id).first()
    if found is None or (found.person_id is not None and found.person_id != actor.user_id):
        raise NotFound()
    return found


def rules(tenant_id: UUID, person_id: UUID) -> dict[tuple[UUID, str], int]:
    """Seconds after, by channel and urgency."""
    rows = NotificationRule.objects.filter(tenant=tenant_id, person=person_id)
    return {(channel, urgency): after for channel, urgency, after in rows.values_list("channel", "urgency", "after")}


def absences(tenant_id: UUID, since: datetime) -> QuerySet[Absence]:
    rows = Absence.objects.filter(tenant=tenant_id, end__gt=since, cancelled_at=None)
    return rows.select_related("person").order_by("start", "id")


def absence(tenant_id: UUID, absence_id: UUID) -> Absence:
    found = Absence.objects.filter(tenant=tenant_id, id=absence_id).select_related("person").first()
    if found is None:
        raise NotFound()
    return found


def told(tenant_id: UUID, person_id: UUID, kind: str = "") -> QuerySet[Notification]:
    """What was told to somebody in the product, newest first; with a kind, only what is about such things."""
    rows = Notification.objects.filter(tenant=tenant_id, person=person_id, channel=None)
    if kind:
        rows = rows.filter(_ABOUT[NoticeKind(kind)])
    return rows.select_related("alert__workload").order_by("-created_at", "-id")


def unread(tenant_id: UUID, person_id: UUID) -> int:
    """How many of them nobody has read, up to :data:`MOST_COUNTED`."""
    rows = Notification.objects.filter(tenant=tenant_id, person=person_id, channel=None, read_at=None)
    return rows.order_by()[:MOST_COUNTED].count()


def _live(tenant_id: UUID) -> QuerySet[Channel]:
    rows = Channel.objects.filter(tenant=tenant_id, removed_at=None).select_related("person", "team")
    return rows.order_by("created_at", "id")
