"""People, how they are signed in, and the API tokens that stand for them or for a service (TEN-4)."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

from apps.accounts import devices
from apps.accounts.scopes import SCOPES
from portal.ids import uuid7
from portal.tenancy.constraints import KnownRow, walls
from portal.tenancy.models import TenantModel

# The column of an address takes 254 characters; the one in the trail, for who did something, 200 with a word before it.
LONGEST_ADDRESS = 190


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person who signs in with ``email``; without a password nobody can sign in as them."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Belongs to tenants through memberships; a user alone sees nothing.

    There is no superuser: the database refuses the flag. ``is_staff`` marks a platform operator, who reaches a
    tenant's data only in a session opened with a reason (AUD-3).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150)
    # Where they are, for the times that they are shown; empty: the tenant's own zone.
    time_zone = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("platform operator", default=False)
    date_joined = models.DateTimeField(default=timezone.now)

    objects = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(is_superuser=False), name="accounts_no_superuser"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0]


class ApiToken(TenantModel):
    """A credential of one tenant: shown once, stored as a keyed digest, scoped, expiring, revocable (TEN-4).

    ``key`` is the public part, by which the row is found before any tenant is known; the secret part is only a
    digest here. A token without a user stands for a service named by ``name``. ``workload_ids`` binds it to those
    workloads; empty means all of its tenant's.
    """

    name = models.CharField(max_length=100)
    key = models.CharField(max_length=16, editable=False)
    digest = models.BinaryField(max_length=32, editable=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")
    scopes = ArrayField(models.CharField(max_length=40))
    workload_ids = ArrayField(models.UUIDField(), default=list, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", editable=False)

    class Meta:
        constraints = [
            *walls("accounts_apitoken"),
            KnownRow(field="key", setting="portal.token_key", name="accounts_apitoken_known_row"),
            models.UniqueConstraint(fields=["tenant", "key"], name="accounts_apitoken_key"),
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=sorted(SCOPES)) & models.Q(scopes__len__gt=0),
                name="accounts_apitoken_scopes",
            ),
        ]
        indexes = [
            models.Index(fields=["key"], name="accounts_apitoken_by_key"),
            models.Index(fields=["tenant", "-created_at"], name="accounts_apitoken_recent"),
        ]

    def __str__(self) -> str:
        return self.name

    def is_live(self, now: Any) -> bool:
        return self.revoked_at is None and now < self.expires_at


class Session(AbstractBaseSession):
    """A browser that is signed in, or about to. ``limited_to`` is the one tenant whose provider vouched for it."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    limited_to = models.ForeignKey("tenants.Tenant", models.CASCADE, null=True, related_name="+")
    address = models.CharField(max_length=64, blank=True)
    agent = models.CharField(max_length=300, blank=True)
    begun_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "accounts_session"

    @property
    def device(self) -> str:
        return devices.name_of(self.agent)

    @classmethod
    def get_session_store_class(cls) -> Any:
        from apps.accounts.sessions import SessionStore

        return SessionStore


class EmailChange(models.Model):
    """An address on its way to another, and for a week back again. Its links are derived from ``key`` and the id."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    old = models.EmailField()
    new = models.EmailField()
    key = models.CharField(max_length=12, unique=True)
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.old} to {self.new}"


class CacheRow(models.Model):
    """Django's database cache, as a table that migrations and grants know."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "portal_cache"

    def __str__(self) -> str:
        return self.cache_key
