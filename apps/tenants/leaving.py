"""What ends with a membership: each app takes back what it gave, so that whoever is let in again begins anew."""

from collections.abc import Callable

from apps.tenants.models import Membership, TeamMember

TakeBack = Callable[[Membership], int]
_taken_back: dict[str, TakeBack] = {}


def on_leaving(name: str) -> Callable[[TakeBack], TakeBack]:
    """Have ``name`` taken back from whoever leaves; the function says how many there were."""

    def register(take_back: TakeBack) -> TakeBack:
        _taken_back[name] = take_back
        return take_back

    return register


def take_back(member: Membership) -> dict[str, int]:
    """How many of each were taken back; those of which there were none aren't named."""
    found = {name: act(member) for name, act in sorted(_taken_back.items())}
    return {name: count for name, count in found.items() if count}


@on_leaving("teams")
def _leave_teams(member: Membership) -> int:
    return TeamMember.objects.filter(tenant=member.tenant_id, membership=member.id).delete()[0]
