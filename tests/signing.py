"""Signing what is open, in one line."""

from datetime import datetime
from uuid import UUID

from apps.accounts.models import User
from apps.approvals import actions, queries
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules import Verdict
from apps.rollouts.models import Rollout
from portal.actor import Actor


def sign(
    request: ApprovalRequest,
    signer: User,
    actor: Actor,
    now: datetime,
    verdict: Verdict = Verdict.APPROVE,
    acting_for: UUID | None = None,
    seen: str = "",
) -> ApprovalRequest:
    return actions.sign(
        request=request,
        signer=signer,
        verdict=verdict,
        seen=seen or request.digest,
        comment="because",
        acting_for=acting_for,
        actor=actor,
        now=now,
    )


def request_of(rollout: Rollout) -> ApprovalRequest:
    request = queries.latest(rollout.tenant_id, "rollout", rollout.id)
    assert request is not None, "it was submitted"
    return request


def approve(rollout: Rollout, signer: User, actor: Actor, now: datetime) -> Rollout:
    """The one signature that a rollout needs by default."""
    sign(request_of(rollout), signer, actor, now)
    rollout.refresh_from_db()
    return rollout
