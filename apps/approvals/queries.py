"""Reading approvals: policies in force, who is who now, inboxes, and where requests wait too long (APPR-3)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject, Now

from apps.approvals import codec, subjects
from apps.approvals.models import ApprovalPolicy, ApprovalRequest, BreakGlass, Delegation, Signature, State
from apps.approvals.rules import Hand, Person, Slot, Tally, Verdict, tally, unsatisfiable, waiting
from apps.tenants import queries as tenants
from apps.tenants.models import Membership
from apps.workloads import queries as workloads
from portal.actor import Actor
from portal.errors import NotFound
from portal.tenancy.due import by_tenant
from portal.tenancy.together import together


@dataclass(frozen=True, slots=True)
class Policy:
    """Who has to sign one kind of request, as it is in force for a tenant. ``revision`` 0 is the default."""

    name: str
    title: str
    slots: tuple[Slot, ...]
    pending_days: int
    granted_days: int
    target_hours: int
    revision: int = 0


def policy(tenant_id: UUID, name: str) -> Policy:
    return _in_force(subjects.default(name), ApprovalPolicy.objects.filter(tenant=tenant_id, name=name).first())


def policies(tenant_id: UUID) -> list[Policy]:
    """All policies in force, by name; open to every member (APPR-3)."""
    return _all_in_force(own_policies(tenant_id))


def own_policies(tenant_id: UUID) -> dict[str, ApprovalPolicy]:
    """Those that the tenant has set itself, by name."""
    return {row.name: row for row in ApprovalPolicy.objects.filter(tenant=tenant_id)}


_POLICY = JSONObject(
    **{name: name for name in ("id", "name", "slots", "pending_days", "granted_days", "target_hours", "revision")}
)


def _policies_of(rows: Iterable[dict[str, Any]]) -> dict[str, ApprovalPolicy]:
    """By name, from what :func:`together` read."""
    return {row["name"]: ApprovalPolicy(**{**row, "id": UUID(row["id"])}) for row in rows}


def _all_in_force(own: Mapping[str, ApprovalPolicy]) -> list[Policy]:
    return [_in_force(default, own.get(default.name)) for default in subjects.defaults()]


def policies_with_pending(tenant_id: UUID, now: datetime) -> tuple[dict[str, ApprovalPolicy], dict[str, int]]:
    """The policies that the tenant has set itself and how many open requests there are, by policy; in one statement."""
    pending = ApprovalRequest.objects.filter(tenant=tenant_id, state=State.PENDING, expires_at__gt=now)
    told = together(
        {
            "own": (ApprovalPolicy.objects.filter(tenant=tenant_id), _POLICY),
            "pending": (pending.values("policy").annotate(n=Count("id")), JSONObject(policy="policy", n="n")),
        }
    )
    return _policies_of(told["own"]), {row["policy"]: row["n"] for row in told["pending"]}


def people(tenant_id: UUID) -> dict[UUID, Person]:
    """Everybody who belongs to the tenant now, with roles and teams."""
    return {
        row.user_id: Person(row.user_id, frozenset(row.roles), frozenset(str(team.team_id) for team in row.teams.all()))
        for row in _members(tenant_id).prefetch_related("teams")
    }


def _members(tenant_id: UUID) -> QuerySet[Membership]:
    return Membership.objects.filter(tenant=tenant_id, ended_at=None, user__is_active=True)


def delegations(tenant_id: UUID) -> QuerySet[Delegation]:
    rows = Delegation.objects.filter(tenant=tenant_id).select_related("principal", "delegate")
    return rows.order_by("-ends_at", "id")


def live_delegations(tenant_id: UUID, delegate_id: UUID, now: datetime) -> list[Delegation]:
    return list(_live(delegations(tenant_id), now).filter(delegate=delegate_id))


def _live(rows: QuerySet[Delegation], at: datetime | Now) -> QuerySet[Delegation]:
    return rows.filter(revoked_at=None, starts_at__lte=at, ends_at__gt=at)


def requests(tenant_id: UUID, actor: Actor) -> QuerySet[ApprovalRequest]:
    """Requests about workloads that the actor may see, or about none, newest first; and whatever they sign or have
    signed in somebody's place, since nobody signs what they can't read (APPR-2).
    """
    seen = Q(workload=None) | Q(workload__in=workloads.visible(tenant_id, actor))
    if actor.is_person:
        signed = Signature.objects.filter(tenant=tenant_id, request=OuterRef("id"), person=actor.user_id)
        lent = _live(Delegation.objects.filter(tenant=tenant_id, delegate=actor.user_id), Now())
        lent = lent.filter(roles__overlap=OuterRef("waiting_roles"))
        seen |= Q(Exists(signed)) | Q(Exists(lent), state=State.PENDING)
    rows = ApprovalRequest.objects.filter(seen, tenant=tenant_id)
    return rows.select_related("workload", "requester").order_by("-created_at", "-id")


def request_for(tenant_id: UUID, actor: Actor, request_id: UUID) -> ApprovalRequest:
    found = requests(tenant_id, actor).filter(id=request_id).first()
    if found is None:
        raise NotFound()
    return found


def latest(tenant_id: UUID, kind: str, subject_id: UUID) -> ApprovalRequest | None:
    rows = ApprovalRequest.objects.filter(tenant=tenant_id, kind=kind, subject_id=subject_id)
    return rows.order_by("-created_at", "-id").first()


def holding(tenant_id: UUID, kind: str, subject_ids: Iterable[UUID], now: datetime) -> set[UUID]:
    """Those of the subjects for which an approval counts now, in one statement."""
    rows = ApprovalRequest.objects.filter(
        tenant=tenant_id, kind=kind, subject_id__in=list(subject_ids), state=State.GRANTED, granted_until__gt=now
    )
    return set(rows.values_list("subject_id", flat=True))


def waiting_for(tenant_id: UUID, actor: Actor, now: datetime) -> QuerySet[ApprovalRequest]:
    """What this person can sign now: an open slot of a role that is theirs, not excluded, not signed yet."""
    roles = set(actor.roles)
    for delegation in live_delegations(tenant_id, actor.user_id, now) if actor.user_id else ():
        roles |= set(delegation.roles)
    signed = Signature.objects.filter(
        Q(person=actor.user_id) | Q(acting_for=actor.user_id), tenant=tenant_id, request=OuterRef("id"), voided_at=None
    )
    rows = requests(tenant_id, actor).filter(state=State.PENDING, expires_at__gt=now, waiting_roles__overlap=[*roles])
    return rows.exclude(excluded__has_key=str(actor.user_id)).exclude(Exists(signed)).order_by("expires_at", "id")


def signatures(request: ApprovalRequest) -> list[Signature]:
    rows = Signature.objects.filter(tenant=request.tenant_id, request=request.id)
    return list(rows.select_related("person", "acting_for").order_by("created_at", "id"))


def emergency(request: ApprovalRequest) -> BreakGlass | None:
    rows = BreakGlass.objects.filter(tenant=request.tenant_id, request=request.id)
    return rows.select_related("first", "second", "reviewed_by").first()


def reviews_due(tenant_id: UUID, actor: Actor) -> QuerySet[BreakGlass]:
    rows = BreakGlass.objects.filter(tenant=tenant_id, reviewed_at=None, opened_at__isnull=False)
    rows = rows.filter(request__in=requests(tenant_id, actor).order_by().values("id"))
    return rows.select_related("request", "first", "second").order_by("review_due_at")


@dataclass(frozen=True, slots=True)
class Standing:
    """A request as it stands now: who sits where, which slots wait, and which nobody can fill."""

    tally: Tally
    waiting: list[Slot]
    unsatisfiable: list[str]
    members: Mapping[UUID, Person]

    def counts(self, signature: Signature) -> bool:
        """Whether a live signature counts towards a slot today (a role that was lost no longer does)."""
        return signature.person_id in self.tally.seats


def standing(request: ApprovalRequest, signed: Sequence[Signature] | None = None) -> Standing:
    """Worked out anew from what people are today and from the content as it is stored with the request."""
    members = _with_exclusions(people(request.tenant_id), request.excluded)
    rows = signatures(request) if signed is None else signed
    hands = [hand(signature, members) for signature in rows if signature.voided_at is None]
    found = tally(request.slots, hands, request.parts, list(members.values()))
    return Standing(
        found, waiting(request.slots, found.filled), unsatisfiable(request.slots, list(members.values())), members
    )


def hand(signature: Signature, members: Mapping[UUID, Person]) -> Hand:
    """The signature as it counts now. A delegate has the principal's delegable roles, and both sides' exclusions."""
    signer = members.get(signature.person_id, Person(signature.person_id, frozenset()))
    if signature.acting_for_id is not None:
        principal = members.get(signature.acting_for_id, Person(signature.acting_for_id, frozenset()))
        lent = principal.roles & frozenset(signature.as_roles)
        standing_in = replace(principal, id=signer.id, roles=lent, excluded=signer.excluded or principal.excluded)
        # Somebody who is no longer a member signs for nobody.
        signer = standing_in if signer.id in members else replace(standing_in, roles=frozenset())
    return Hand(signer, Verdict(signature.verdict), signature.seen)


def able(request: ApprovalRequest, roles: Collection[str], now: datetime) -> list[UUID]:
    """Who could sign today for a slot that waits for one of ``roles``: in their own name, or for somebody else."""
    signed = [row for row in signatures(request) if row.voided_at is None]
    standing_now = standing(request, signed)
    slots = [slot for slot in standing_now.waiting if slot.roles & set(roles)]
    spent = {person for row in signed for person in (row.person_id, row.acting_for_id)}
    members = {i: person for i, person in standing_now.members.items() if i not in spent and not person.excluded}
    found = [i for i, person in members.items() if any(person.fits(slot) for slot in slots)]
    between = Delegation.objects.filter(tenant=request.tenant_id, principal__in=members, delegate__in=members)
    for row in _live(between, now).order_by("id"):
        principal = members[row.principal_id]
        lent = replace(principal, roles=principal.roles & frozenset(row.roles))
        if any(lent.fits(slot) for slot in slots):
            found.append(row.delegate_id)
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """How many requests wait for a role, how many longer than their target, and since when the oldest does."""

    role: str
    waiting: int
    late: int
    oldest: datetime


def bottlenecks(tenant_id: UUID, now: datetime) -> list[Bottleneck]:
    """Where requests wait, by role, the latest first (APPR-3)."""
    rows = ApprovalRequest.objects.filter(tenant=tenant_id, state=State.PENDING, expires_at__gt=now)
    since: dict[str, list[datetime]] = defaultdict(list)
    late: Counter[str] = Counter()
    for roles, created_at, hours in rows.values_list("waiting_roles", "created_at", "target_hours"):
        for role in roles:
            since[role].append(created_at)
            late[role] += now - created_at > timedelta(hours=hours)
    found = [Bottleneck(role, len(times), late[role], min(times)) for role, times in since.items()]
    return sorted(found, key=lambda each: (-each.late, -each.waiting, each.role))


def roles_without_members(tenant_id: UUID) -> list[str]:
    """The roles of slots that nobody at all could fill: authority that is unclear (APPR-3)."""
    own = ApprovalPolicy.objects.filter(tenant=tenant_id)
    told = together({"members": (_members(tenant_id), JSONObject(roles="roles")), "own": (own, _POLICY)})
    held = {role for row in told["members"] for role in row["roles"]}
    slots = [slot for each in _all_in_force(_policies_of(told["own"])) for slot in each.slots]
    return sorted({str(role) for slot in slots if not slot.roles & held for role in slot.roles})


def due(now: datetime, limit: int = 5_000) -> dict[UUID, list[UUID]]:
    """Pending requests whose time is over: ids by tenant."""
    return by_tenant(
        "approvals.find",
        lambda alias: (
            ApprovalRequest.objects.using(alias).filter(state=State.PENDING, expires_at__lte=now).order_by("expires_at")
        ),
        limit,
    )


def teams(tenant_id: UUID) -> list[tuple[str, str]]:
    return [(str(team.id), team.name) for team in tenants.teams(tenant_id)]


def _with_exclusions(members: Mapping[UUID, Person], excluded: Mapping[str, str]) -> dict[UUID, Person]:
    return {i: replace(person, excluded=excluded.get(str(i), "")) for i, person in members.items()}


def _in_force(default: subjects.Default, own: ApprovalPolicy | None) -> Policy:
    if own is None:
        return Policy(
            default.name, default.title, default.slots, default.pending_days, default.granted_days, default.target_hours
        )
    return Policy(
        own.name,
        default.title,
        codec.slots(own.slots),
        own.pending_days,
        own.granted_days,
        own.target_hours,
        own.revision,
    )


def names(tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, str]:
    rows = Membership.objects.filter(tenant=tenant_id, user__in=list(ids)).select_related("user")
    return {row.user_id: str(row.user) for row in rows}
