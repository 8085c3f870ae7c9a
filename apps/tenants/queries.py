from collections.abc import Iterable, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.tenants.models import ConfigVersion, Membership, Team, Tenant
from portal.errors import Invalid, NotFound
from portal.tenancy.context import known_row_transaction, platform_work


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
    rows = Membership.objects.filter(tenant=tenant_id, user=user_id, ended_at=None, user__is_active=True)
    return rows.prefetch_related("teams").first()


def members(tenant_id: UUID) -> QuerySet[Membership]:
    rows = Membership.objects.filter(tenant=tenant_id, ended_at=None).select_related("user")
    return rows.order_by("user__name", "id")


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
