"""Who acts: the one value that every action takes and that the audit trail writes down (AUD-1)."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

Kind = Literal["person", "service", "task", "operator"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a token, a task, or a platform operator inside one tenant.

    ``scopes`` is None for somebody who signed in and the token's list otherwise. ``workloads`` is None unless the
    token is bound to named workloads.
    """

    kind: Kind
    id: UUID | None
    label: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    workloads: frozenset[UUID] | None = None
    user_id: UUID | None = None
    teams: frozenset[UUID] = field(default_factory=frozenset)
    # Signed in with a second factor, in this very session.
    is_strong: bool = False
    # A tenant's own provider vouched for the session: it says nothing about the account outside that tenant.
    is_limited: bool = False

    @property
    def is_person(self) -> bool:
        """A human being with a session: the only kind that may approve or sign (APPR-2)."""
        return self.kind == "person" and self.scopes is None

    def allows(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes


def task(name: str) -> Actor:
    """The portal itself, at work on ``name``."""
    return Actor(kind="task", id=None, label=f"task:{name}")
