"""First steps of a new tenant: what is still missing before an agent's first rollout, told from the records alone."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, QuerySet, Subquery
from django.urls import reverse

from apps.accounts.models import ApiToken
from apps.feedback.models import Desk
from apps.ownership.models import Rota
from apps.rollouts.models import Rollout
from apps.telemetry.models import MinuteSummary
from apps.tenants.models import Membership, Tenant
from apps.tenants.roles import Role, has_right
from apps.workloads import queries as workloads
from apps.workloads.models import Workload
from apps.workspace.models import Dismissal
from portal.actor import Actor

FOR = frozenset({Role.ADMIN, Role.WORKLOAD_OWNER})


@dataclass(frozen=True, slots=True)
class FirstStep:
    """``url`` is empty where this person can't take the step; ``else_who`` says who can."""

    label: str
    is_done: bool
    url: str
    else_who: str = "an admin can"


@dataclass(frozen=True, slots=True)
class Checklist:
    steps: tuple[FirstStep, ...]

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)

    @property
    def next(self) -> FirstStep | None:
        return next((step for step in self.steps if not step.is_done and step.url), None)


def checklist(tenant_id: UUID, actor: Actor) -> Checklist | None:
    """What is missing, for whoever can do something about it; None when all is there, or they dismissed it.

    One statement, whatever there is.
    """
    if not actor.roles & FOR:
        return None
    found = _facts(tenant_id, actor)
    if found["is_dismissed"]:
        return None
    made = Checklist(_steps(found, actor))
    return made if made.done < len(made.steps) else None


def _facts(tenant_id: UUID, actor: Actor) -> dict[str, Any]:
    def there(rows: QuerySet[Any]) -> Exists:
        return Exists(rows.filter(tenant=tenant_id))

    live = Workload.objects.filter(retired_at=None)
    others = Membership.objects.filter(ended_at=None).exclude(user=actor.user_id)
    first = workloads.visible(tenant_id, actor).order_by("created_at", "id").values("key")[:1]
    rows = Tenant.objects.filter(id=tenant_id).annotate(
        people=there(others),
        rota=there(Rota.objects.all()),
        workload=there(live),
        fallback=there(live.exclude(fallback_kind="")),
        desk=there(Desk.objects.all()),
        token=there(ApiToken.objects.filter(revoked_at=None)),
        record=there(MinuteSummary.objects.all()),
        plan=there(Rollout.objects.all()),
        is_dismissed=there(Dismissal.objects.filter(person=actor.user_id)),
        first=Subquery(first),
    )
    found: dict[str, Any] = dict(rows.values().get())
    return found


def _steps(found: dict[str, Any], actor: Actor) -> tuple[FirstStep, ...]:
    slug, key = found["slug"], found["first"]

    def page(name: str, may: bool = True) -> str:
        return reverse(name, args=[slug]) if may else ""

    def of_first(name: str) -> str:
        return reverse(name, args=[slug, key]) if key else ""

    registers, after = has_right(actor, "workload.register"), "after the first workload"
    return (
        FirstStep("Invite the people", found["people"], page("people", has_right(actor, "member.manage"))),
        FirstStep(
            "Make a team with a rota, so that somebody answers",
            found["rota"],
            page("create_rota", has_right(actor, "rota.manage")),
        ),
        FirstStep("Register a workload", found["workload"], page("register_workload", registers)),
        FirstStep("Name its fallback", found["fallback"], of_first("workload"), after),
        FirstStep("Name its support desk", found["desk"], of_first("desk"), after),
        FirstStep("Make a token for the runtime", found["token"], page("tokens", has_right(actor, "token.manage"))),
        FirstStep("See its first action record arrive", found["record"], of_first("workload"), after),
        FirstStep("Plan its first rollout", found["plan"], of_first("workload"), after),
    )
