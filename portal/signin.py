"""How somebody signed in, as far as rights depend on it: what every decision about a person takes besides the person.

A session that a tenant's own identity provider vouched for counts in that tenant alone: whoever runs the provider can
make it say any name (docs/decisions/0007-sign-in-through-a-tenants-provider.md).
"""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SignIn:
    """``session`` names the session without giving it away. ``tenant_id`` and ``identity_id`` are set when a tenant's
    provider vouched for it. ``is_strong``: with a second factor, in this session.
    """

    session: str = ""
    tenant_id: UUID | None = None
    identity_id: UUID | None = None
    is_strong: bool = False

    @property
    def is_limited(self) -> bool:
        return self.tenant_id is not None

    def reaches(self, tenant_id: UUID) -> bool:
        return self.tenant_id in {None, tenant_id}
