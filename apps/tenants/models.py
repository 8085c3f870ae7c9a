"""Tenants, who belongs to them in which roles, and teams."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from apps.tenants.roles import Role
from portal.ids import uuid7
from portal.tenancy.constraints import KnownRow, SameTenant, walls
from portal.tenancy.models import TenantModel


class Tenant(models.Model):
    """One organisation. Its row is on the written list of global tables: it is found by its address."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ConfigVersion(TenantModel):
    """Counts the changes that a decision may depend on; the decision path watches this one number."""

    version = models.BigIntegerField(default=1)

    class Meta:
        constraints = [
            *walls("tenants_configversion", app="select, insert, update"),
            models.UniqueConstraint(fields=["tenant"], name="tenants_configversion_one"),
        ]

    def __str__(self) -> str:
        return str(self.version)


class Membership(TenantModel):
    """A user's place in a tenant. Roles give tenant-wide rights; rights on one workload are granted on it."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="memberships")
    roles = ArrayField(models.CharField(max_length=30, choices=Role.choices), default=list, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            *walls("tenants_membership", ops="select, insert, update"),
            KnownRow(field="user", setting="portal.user_id", name="tenants_membership_known_row"),
            models.UniqueConstraint(fields=["tenant", "user"], name="tenants_membership_once"),
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=list(Role.values)), name="tenants_membership_roles"
            ),
        ]
        indexes = [models.Index(fields=["user"], name="tenants_membership_by_user")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.tenant_id}"


class Team(TenantModel):
    """People who hold rights on workloads together, and answer for them. ``rollouts_at_once`` is ROLL-9's limit."""

    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=100)
    rollouts_at_once = models.PositiveSmallIntegerField(default=2, db_default=2)

    class Meta:
        constraints = [
            *walls("tenants_team"),
            models.UniqueConstraint(fields=["tenant", "slug"], name="tenants_team_slug"),
            models.CheckConstraint(
                condition=models.Q(rollouts_at_once__gte=1, rollouts_at_once__lte=20), name="tenants_team_rollouts"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(TenantModel):
    team = models.ForeignKey(Team, models.CASCADE, db_constraint=False, related_name="members")
    membership = models.ForeignKey(Membership, models.CASCADE, db_constraint=False, related_name="teams")

    class Meta:
        constraints = [
            *walls("tenants_teammember"),
            SameTenant(field="team", name="tenants_teammember_team_fk"),
            SameTenant(field="membership", name="tenants_teammember_membership_fk"),
            models.UniqueConstraint(fields=["tenant", "team", "membership"], name="tenants_teammember_once"),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} in {self.team_id}"
