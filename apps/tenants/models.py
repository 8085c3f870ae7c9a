"""Tenants, who belongs to them in which roles, how they sign in there, and teams."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from apps.tenants.roles import Role
from portal.ids import uuid7
from portal.tenancy.constraints import KnownRow, MemberOfTenant, SameTenant, walls
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


class SignInProvider(TenantModel):
    """The tenant's own OpenID Connect provider. ``is_only_way``: members come in through it alone, admins excepted."""

    issuer = models.URLField(max_length=300)
    client_id = models.CharField(max_length=200)
    sealed_secret = models.TextField(editable=False)
    domains = ArrayField(models.CharField(max_length=253))
    enforces_mfa = models.BooleanField("asks everybody for a second factor", default=False)
    is_only_way = models.BooleanField("the only way in", default=False)

    class Meta:
        constraints = [
            *walls("tenants_signinprovider"),
            models.UniqueConstraint(fields=["tenant"], name="tenants_signinprovider_one"),
            models.CheckConstraint(condition=models.Q(domains__len__gt=0), name="tenants_signinprovider_domains"),
        ]

    def __str__(self) -> str:
        return self.issuer


class ProviderIdentity(TenantModel):
    """Who somebody is at the tenant's provider: bound at the first sign-in, and by the subject alone from then on."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    issuer = models.URLField(max_length=300)
    subject = models.CharField(max_length=255)
    last_used_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "provider identities"
        constraints = [
            *walls("tenants_provideridentity"),
            MemberOfTenant(field="user", name="tenants_provideridentity_member_fk"),
            models.UniqueConstraint(fields=["tenant", "issuer", "subject"], name="tenants_provideridentity_subject"),
            models.UniqueConstraint(fields=["tenant", "issuer", "user"], name="tenants_provideridentity_person"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class Invitation(TenantModel):
    """Somebody is asked in. What proves the link is derived from ``key`` and id, and stored nowhere."""

    email = models.EmailField()
    roles = ArrayField(models.CharField(max_length=30, choices=Role.choices), default=list, blank=True)
    key = models.CharField(max_length=12, editable=False)
    invited_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            *walls("tenants_invitation", app="select, insert, update"),
            KnownRow(field="key", setting="portal.invitation_key", name="tenants_invitation_known_row"),
            models.UniqueConstraint(fields=["tenant", "key"], name="tenants_invitation_key"),
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="tenants_invitation_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=list(Role.values)), name="tenants_invitation_roles"
            ),
        ]
        indexes = [
            models.Index(fields=["key"], name="tenants_invitation_by_key"),
            models.Index(fields=["tenant", "-sent_at"], name="tenants_invitation_recent"),
        ]

    def __str__(self) -> str:
        return self.email


class EndedSession(TenantModel):
    """A session that counts in this tenant no more, whatever it may do elsewhere. ``session`` is its name."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    session = models.CharField(max_length=64)

    class Meta:
        constraints = [
            *walls("tenants_endedsession", app="select, insert"),
            MemberOfTenant(field="user", name="tenants_endedsession_member_fk"),
            models.UniqueConstraint(fields=["tenant", "session"], name="tenants_endedsession_once"),
        ]

    def __str__(self) -> str:
        return str(self.user_id)
