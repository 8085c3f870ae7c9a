from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, Q, QuerySet
from django.utils import timezone

from apps.accounts.models import Session, User
from apps.tenants.models import (
    ConfigVersion,
    EndedSession,
    Invitation,
    Membership,
    ProviderIdentity,
    SignInProvider,
    Team,
    Tenant,
)
from apps.tenants.roles import Role
from portal.errors import Invalid, NotFound
from portal.signin import SignIn
from portal.tenancy.context import known_row_transaction, platform_work

# The id of no row.
NOBODY = UUID(int=0)


def tenant_by_slug(slug: str) -> Tenant | None:
    return Tenant.objects.filter(slug=slug).first()


def zone_of(tenant_id: UUID) -> ZoneInfo:
    """The tenant's time zone, in which its days, months and quarters begin."""
    return ZoneInfo(Tenant.objects.values_list("time_zone", flat=True).get(id=tenant_id))


def memberships_of(user_id: UUID) -> list[Membership]:
    """The user's own live memberships, with their tenants, by the tenants' names (TEN-2)."""
    with known_row_transaction("portal.user_id", str(user_id)):
        rows = Membership.objects.filter(user_id=user_id, ended_at=None).select_related("tenant")
        return list(rows.order_by("tenant__name"))


def membership(tenant_id: UUID, user_id: UUID) -> Membership | None:
    return _live(tenant_id, user_id).first()


def membership_of_session(tenant_id: UUID, user_id: UUID, sign_in: SignIn) -> Membership | None:
    """The membership, with what the tenant says about this session, in the one statement that each request makes."""
    mine = ProviderIdentity.objects.filter(tenant=tenant_id, user=user_id)
    rows = _live(tenant_id, user_id).annotate(
        is_ended_here=Exists(EndedSession.objects.filter(tenant=tenant_id, session=sign_in.session)),
        has_only_way=Exists(SignInProvider.objects.filter(tenant=tenant_id, is_only_way=True)),
        is_bound=Exists(mine.filter(id=sign_in.identity_id or NOBODY)),
    )
    return rows.first()


def _live(tenant_id: UUID, user_id: UUID) -> QuerySet[Membership]:
    rows = Membership.objects.filter(tenant=tenant_id, user=user_id, ended_at=None, user__is_active=True)
    return rows.prefetch_related("teams")


def members(tenant_id: UUID) -> QuerySet[Membership]:
    rows = Membership.objects.filter(tenant=tenant_id, ended_at=None).select_related("user")
    return rows.order_by("user__name", "id")


def member(tenant_id: UUID, member_id: UUID) -> Membership:
    found = members(tenant_id).filter(id=member_id).first()
    if found is None:
        raise NotFound("There is no such member here.")
    return found


def has_admin(tenant_id: UUID) -> bool:
    return members(tenant_id).filter(roles__contains=[Role.ADMIN]).exists()


def is_member(tenant_id: UUID, email: str) -> bool:
    return members(tenant_id).filter(user__email=email).exists()


def invitations(tenant_id: UUID) -> QuerySet[Invitation]:
    """All that were sent, the latest first."""
    return Invitation.objects.filter(tenant=tenant_id).select_related("invited_by").order_by("-sent_at", "-id")


def invitation(tenant_id: UUID, invitation_id: UUID) -> Invitation:
    found = invitations(tenant_id).filter(id=invitation_id).first()
    if found is None:
        raise NotFound("There is no such invitation here.")
    return found


def provider(tenant_id: UUID) -> SignInProvider | None:
    return SignInProvider.objects.filter(tenant=tenant_id).first()


def identities(tenant_id: UUID) -> QuerySet[ProviderIdentity]:
    return ProviderIdentity.objects.filter(tenant=tenant_id).select_related("user").order_by("user__name", "id")


def sessions_here(tenant_id: UUID, user_id: UUID) -> QuerySet[Session]:
    """A member's sessions that reach this tenant. One that another tenant vouched for doesn't, and isn't shown."""
    people = Membership.objects.filter(tenant=tenant_id, user=user_id, ended_at=None).values("user")
    reaching = Q(limited_to=None) | Q(limited_to=tenant_id)
    rows = Session.objects.filter(reaching, user__in=people, expire_date__gt=timezone.now()).select_related("user")
    return rows.order_by("-begun_at", "session_key")


def ended_here(tenant_id: UUID) -> set[str]:
    """The names of sessions that were ended for this tenant and might still be shown."""
    since = timezone.now() - timedelta(days=1)
    return set(EndedSession.objects.filter(tenant=tenant_id, created_at__gt=since).values_list("session", flat=True))


def members_by_email(tenant_id: UUID, addresses: Iterable[str]) -> dict[str, User]:
    """The members with these addresses, by address in lower case.

    Raises:
        Invalid: somebody isn't a member; ``people`` names them.
    """
    wanted = {address.lower() for address in addresses}
    found = {member.user.email: member.user for member in members(tenant_id).filter(user__email__in=wanted)}
    unknown = sorted(wanted - set(found))
    if unknown:
        raise Invalid("not_a_member", f"No member here: {', '.join(unknown[:5])}.", people=unknown)
    return found


def teams(tenant_id: UUID) -> QuerySet[Team]:
    return Team.objects.filter(tenant=tenant_id).order_by("name", "id")


def team(tenant_id: UUID, slug: str) -> Team:
    found = teams(tenant_id).filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no team {slug!r} here.")
    return found


def config_version(tenant_id: UUID) -> int:
    return ConfigVersion.objects.values_list("version", flat=True).get(tenant=tenant_id)


def all_tenants() -> Sequence[Tenant]:
    """Every tenant, for jobs of the written list."""
    with platform_work("tenants.find") as alias:
        return list(Tenant.objects.using(alias).order_by("slug"))
