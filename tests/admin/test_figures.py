"""Each figure of the admin's index says what it counts, and counts that: exact numbers from planted rows."""

from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.utils import timezone

from apps.approvals.models import ApprovalRequest
from apps.events.models import Subscription
from apps.feedback.models import Report
from apps.gates.models import Evidence
from apps.rollouts.models import Rollout
from apps.tenants.models import Invitation
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.admin.test_admin import opened
from tests.isolation.populate import populate
from tests.world import World

DAY = timedelta(days=1)


def figures(client: Any) -> dict[str, int]:
    page = client.get("/admin/")
    found = [(figure.says, figure.count) for figure in (*page.context["loud"], *page.context["quiet"])]
    assert len(dict(found)) == len(found), "each figure stands there once"
    return dict(found)


def test_the_figures_follow_what_happens(world: World) -> None:
    now = timezone.now()
    populate(world)
    adam = opened("adam")
    before = figures(adam)
    late, report = (
        "Approvals that wait for engineering beyond their target",
        "Reports unanswered beyond their desk's target",
    )
    with tenant_transaction(world.tenant.id):
        request = ApprovalRequest.objects.filter(state="pending")[0]
        ApprovalRequest.objects.exclude(pk=request.pk).update(waiting_roles=[])
        ApprovalRequest.objects.filter(pk=request.pk).update(
            waiting_roles=["engineering"], target_hours=48, created_at=now - 2 * DAY + timedelta(minutes=5)
        )
        Report.objects.update(answered_at=None, state="new", created_at=now - timedelta(minutes=5))
    calm = figures(adam)
    assert (calm[late], calm[report]) == (0, 0), "in time still"
    with tenant_transaction(world.tenant.id):
        ApprovalRequest.objects.filter(pk=request.pk).update(created_at=now - 2 * DAY - timedelta(minutes=5))
        reports = Report.objects.filter(duplicate_of=None).update(created_at=now - 3 * DAY)
        Rollout.objects.filter(state="running").update(state="held", hold_reason="manual")
        Subscription.objects.update(failing_since=now)
        Invitation.objects.update(revoked_at=now)
        OutboxMessage.objects.update(dead_at=now, delivered_at=None)
        messages = OutboxMessage.objects.count()
        for document in Evidence.objects.all():
            document.pk = None
            document.save(force_insert=True)
        Authenticator.objects.create(user=world.charlie, type="totp", data={})
    world.token("read", expires_at=now + 3 * DAY)
    world.token("read", expires_at=now + 30 * DAY)
    after = figures(adam)
    assert (after[late], after[report], reports > 0) == (1, reports, True)
    assert (before["Rollouts in flight"], before["Rollouts that are held"]) == (1, 0)
    assert (after["Rollouts in flight"], after["Rollouts that are held"]) == (0, 1)
    assert after["Subscriptions whose receiver doesn't take events"] == 1
    assert (after["Messages that were given up"], after["Messages that have been due for over five minutes"]) == (
        messages,
        0,
    )
    ends, unused = "API tokens that end within 14 days", "API tokens that were never used"
    assert (after[ends] - before[ends], after[unused] - before[unused]) == (1, 2)
    factor = "Members without a second factor of their own"
    assert before[factor] - after[factor] == 1
    assert after["Invitations that nobody has taken up yet"] == 0
    assert after["Pieces of evidence that run out within 14 days"] == 0
