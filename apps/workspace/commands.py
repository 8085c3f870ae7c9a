"""What one may do, by name, for the palette and the search page. Each leads to a page that checks for itself."""

from collections.abc import Callable
from dataclasses import dataclass

from apps.ownership.views import may_manage as may_manage_rotas
from apps.tenants.roles import APPROVERS
from apps.tenants.views import may_manage_members
from apps.workloads.views import may_manage_tokens, may_register
from portal.actor import Actor


@dataclass(frozen=True, slots=True)
class Command:
    """``also``: words by which people look for it and that its label doesn't have."""

    label: str
    url_name: str
    also: str = ""
    shown: Callable[[Actor], bool] = lambda actor: True


def _may_approve(actor: Actor) -> bool:
    return bool(actor.roles & APPROVERS)


COMMANDS = (
    Command("Report an answer", "file_report", "feedback soft failure complain"),
    Command("Look at what was told to me", "notices", "notices notifications unread"),
    Command("Look at my shifts", "my_shifts", "on call rota"),
    Command("Say when I am away, and how I am woken", "my_channels", "absence holiday channel"),
    Command("Sign what waits for me", "approvals", "approve", _may_approve),
    Command("Have somebody sign for me", "approval_delegations", "delegate deputy", _may_approve),
    Command("Register a workload", "register_workload", "new agent", may_register),
    Command("Invite somebody", "people", "member user", may_manage_members),
    Command("Make an API token", "tokens", "key runtime", may_manage_tokens),
    Command("Create a rota", "create_rota", "on call schedule", may_manage_rotas),
)
