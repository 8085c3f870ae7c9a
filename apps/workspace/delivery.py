"""What is told to whom about approvals (APPR-4): those who can sign when something waits for them, and everybody
concerned when it is decided. Nobody is told what they did themselves. Approvals and notices are peers that don't know
each other, so what is told of the one by the other stands above both.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.utils import timezone

from apps.approvals import queries as approvals
from apps.approvals.models import ApprovalRequest, State
from apps.ownership.channels.telling import tell_of
from apps.tenants.roles import Role
from portal.outbox.registry import Envelope, handles
from portal.tenancy.context import tenant_transaction


@handles("approval.waiting")
def tell_who_can_sign(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        request = _request(envelope)
        if request.state != State.PENDING:
            return
        able = approvals.able(request, envelope.payload["roles"], timezone.now())
        asked_by = request.requester or "The portal"
        body = f"{asked_by} asked for it. It expires on {request.expires_at:%Y-%m-%d at %H:%M} UTC."
        _tell(envelope, able, f"Waits for your signature: {request.title}", body)


@handles("approval.granted")
def tell_that_it_is_granted(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        request = _request(envelope)
        # What was granted by break-glass is told as such.
        if not request.by_break_glass:
            _tell(envelope, _concerned(request), f"Approved: {request.title}", "It has all of its signatures.")


@handles("approval.rejected")
def tell_that_it_is_rejected(envelope: Envelope) -> None:
    _tell_how_it_ended(envelope, "Rejected")


@handles("approval.expired")
def tell_that_it_is_expired(envelope: Envelope) -> None:
    _tell_how_it_ended(envelope, "Expired")


@handles("approval.withdrawn")
def tell_that_it_is_withdrawn(envelope: Envelope) -> None:
    _tell_how_it_ended(envelope, "Taken back")


@handles("approval.fallen")
def tell_that_it_has_fallen(envelope: Envelope) -> None:
    _tell_how_it_ended(envelope, "No longer approved")


@handles("approval.unsatisfiable")
def tell_the_admins(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        request = _request(envelope)
        slots = ", ".join(envelope.payload["slots"])
        body = f"No member can fill: {slots}. Give somebody the role, or have the request take the policy anew."
        _tell(envelope, _with_role(envelope.tenant_id, Role.ADMIN), f"Nobody can sign: {request.title}", body)


@handles("approval.break_glass")
def tell_of_break_glass(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        request = _request(envelope)
        glass = approvals.emergency(request)
        two = {glass.first_id, glass.second_id} if glass else set()
        people = [*_concerned(request), *_with_role(envelope.tenant_id, Role.GOVERNANCE)]
        names, review = " and ".join(envelope.payload["people"]), envelope.payload["review_due_at"][:10]
        body = f"{names} granted it for a day: {envelope.payload['reason']}. Governance reviews it by {review}."
        title = f"Granted by break-glass: {request.title}"
        _tell(envelope, [person for person in people if person not in two], title, body)


def _tell_how_it_ended(envelope: Envelope, what: str) -> None:
    with tenant_transaction(envelope.tenant_id):
        request = _request(envelope)
        reason = envelope.payload["reason"].strip().rstrip(".")
        _tell(envelope, _concerned(request), f"{what}: {request.title}", f"{reason[:1].upper()}{reason[1:]}.")


def _request(envelope: Envelope) -> ApprovalRequest:
    rows = ApprovalRequest.objects.select_related("workload", "requester")
    return rows.get(tenant=envelope.tenant_id, id=UUID(envelope.payload["request"]))


def _concerned(request: ApprovalRequest) -> list[UUID]:
    """Whoever asked, whoever owns the workload, and whoever has signed, also where that signature has fallen since."""
    signed = [row.person_id for row in approvals.signatures(request)]
    owner = request.workload.owner_id if request.workload else None
    return [person for person in (request.requester_id, owner, *signed) if person is not None]


def _with_role(tenant_id: UUID, role: str) -> list[UUID]:
    return [i for i, person in approvals.people(tenant_id).items() if role in person.roles]


def _tell(envelope: Envelope, people: Sequence[UUID], title: str, body: str) -> None:
    tell_of(
        envelope,
        people=_others(envelope, people),
        title=title,
        body=body,
        link=f"approvals/{envelope.payload['request']}/",
    )


def _others(envelope: Envelope, people: Iterable[UUID]) -> list[UUID]:
    """Those of them who still belong here, without whoever brought it about."""
    members = approvals.people(envelope.tenant_id)
    return [person for person in people if person in members and str(person) != envelope.payload.get("by")]
