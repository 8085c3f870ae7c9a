"""TEN-4: shown once, stored as a digest, scoped, expiring, revocable, and when they were last used."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.accounts import actions, queries, tokens
from apps.accounts.models import ApiToken
from apps.tenants import actions as tenants
from apps.tenants.directory import actor_for_token
from apps.tenants.queries import membership
from portal.errors import Forbidden, Invalid, Unauthorised
from portal.tenancy.context import tenant_transaction
from tests.world import SETUP, World

NOW = datetime.now(UTC)


def test_the_database_holds_no_token(world: World) -> None:
    raw = world.token("read")
    with tenant_transaction(world.tenant.id):
        row = ApiToken.objects.latest("created_at")
    assert raw.encode() not in bytes(row.digest)
    assert raw.split("_", 2)[2] not in row.key
    assert len(bytes(row.digest)) == 32


@pytest.mark.parametrize(
    "spoil", [lambda raw: raw[:-1] + ("A" if raw[-1] != "A" else "B"), lambda raw: "", lambda raw: raw + "x"]
)
def test_a_token_that_is_not_quite_right_is_unknown(world: World, spoil: object) -> None:
    with pytest.raises(Unauthorised, match="not known"):
        queries.live_token(spoil(world.token("read")))  # type: ignore[operator]


def test_use_is_noted_and_revocation_counts_at_once(world: World) -> None:
    raw = world.token("read")
    assert queries.live_token(raw).scopes == {"read"}
    with tenant_transaction(world.tenant.id):
        row = ApiToken.objects.latest("created_at")
        assert row.last_used_at is not None
        actions.revoke_token(token=row, actor=SETUP, now=NOW)
    with pytest.raises(Unauthorised, match="revoked"):
        queries.live_token(raw)


def test_a_persons_token_ends_with_their_membership(world: World) -> None:
    raw = world.token("read", user=world.bob)
    assert actor_for_token(raw)[1].user_id == world.bob.id
    with tenant_transaction(world.tenant.id):
        found = membership(world.tenant.id, world.bob.id)
        assert found is not None
        tenants.end_membership(member=found, actor=SETUP, now=NOW)
    with pytest.raises(Unauthorised, match="no longer a member"):
        actor_for_token(raw)


@pytest.mark.parametrize(
    ("scopes", "life"),
    [
        ([], timedelta(days=1)),
        (["everything"], timedelta(days=1)),
        (["read"], timedelta(0)),
        (["read"], timedelta(days=400)),
    ],
)
def test_no_scope_an_unknown_one_and_an_endless_life_are_refused(
    world: World, scopes: list[str], life: timedelta
) -> None:
    with tenant_transaction(world.tenant.id):
        before = ApiToken.objects.count()
        with pytest.raises(Invalid):
            actions.create_token(
                tenant_id=world.tenant.id,
                name="t",
                scopes=scopes,
                expires_at=NOW + life,
                created_by=world.adam,
                actor=SETUP,
                now=NOW,
            )
        assert ApiToken.objects.count() == before


def test_a_token_makes_no_tokens(world: World) -> None:
    _, service = actor_for_token(world.token("read"))
    with tenant_transaction(world.tenant.id), pytest.raises(Forbidden):
        actions.create_token(
            tenant_id=world.tenant.id,
            name="t",
            scopes=["read"],
            expires_at=NOW + timedelta(days=1),
            created_by=world.adam,
            actor=service,
            now=NOW,
        )


def test_two_tokens_are_never_alike() -> None:
    minted = {tokens.mint()[0] for _ in range(200)}
    assert len(minted) == 200
    assert all(tokens.parse(raw) for raw in minted)
