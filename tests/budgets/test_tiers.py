"""COST-1: tiers and the people in them are kept on a page and over the API, by a tenant admin or finance."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.audit.models import AuditEntry
from apps.budgets import actions, gates
from apps.budgets.actions import Ceiling
from apps.budgets.models import CostGate, Subject, TierGate, UserTier
from apps.budgets.rules import Decision, Pattern
from apps.budgets.tiers import reading
from apps.workloads.models import Workload
from portal.errors import Invalid
from portal.pseudonyms import user_key
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import gated, held
from tests.world import NOW, SETUP, World

PAGE = "/t/acme/tiers/"
API = "/api/v1/t/acme/tiers"


def signed_in(world: World, name: str) -> Client:
    client = Client()
    client.force_login(world.people[name])
    return client


@pytest.fixture
def adam(world: World) -> Client:
    """Two tiers: standard, which everybody has, and gold."""
    with tenant_transaction(world.tenant.id):
        for slug in ("standard", "gold"):
            actions.create_tier(tenant_id=world.tenant.id, slug=slug, name=slug.capitalize(), actor=SETUP)
    return signed_in(world, "adam")


def people(world: World) -> dict[str, tuple[str, str, str | None]]:
    with tenant_transaction(world.tenant.id):
        rows = Subject.objects.select_related("tier", "member")
        return {r.user_key: (r.tier.slug, r.label, r.member.email if r.member else None) for r in rows}


def audited(world: World) -> list[str]:
    with tenant_transaction(world.tenant.id):
        rows = AuditEntry.objects.filter(action__startswith="budget.").order_by("seq")
        return list(rows.values_list("action", flat=True))


def test_tiers_are_added_renamed_and_made_the_default(world: World, adam: Client) -> None:
    page = adam.get(PAGE).content.decode()
    assert "2 tiers. Whom nobody put anywhere has Standard." in page
    assert adam.post(PAGE, {"slug": "trial", "name": "Trial", "is_free": "on"}).status_code == 302
    assert (
        "There is a tier &#x27;trial&#x27; already" in adam.post(PAGE, {"slug": "trial", "name": "T"}).content.decode()
    )
    assert adam.post(f"{PAGE}gold/rename/", {"name": "Golden"}).status_code == 302
    assert adam.post(f"{PAGE}gold/rename/", {"name": " "}).status_code == 400
    assert adam.post(f"{PAGE}gold/default/").status_code == 302
    with tenant_transaction(world.tenant.id):
        found = {t.slug: (t.name, t.is_default, t.is_free) for t in UserTier.objects.all()}
    assert found == {
        "standard": ("Standard", False, False),
        "gold": ("Golden", True, False),
        "trial": ("Trial", False, True),
    }
    assert audited(world)[-3:] == ["budget.tier_added", "budget.tier_changed", "budget.tier_changed"]
    assert adam.post(f"{PAGE}gold/default/").status_code == 302
    assert len(audited(world)) == 5, "what changes nothing is no act"


def test_a_tier_without_ceilings_says_what_that_means(world: World, adam: Client) -> None:
    """COST-9"""
    gated(world)
    page = adam.get(PAGE).content.decode()
    assert "1 gate lacks one: everybody gets the fallback there" in page
    assert held(world).decision is Decision.ADMITTED
    adam.post(f"{PAGE}gold/default/")
    assert held(world, user_key="u2").decision is Decision.FALLBACK


def test_a_tier_begins_with_another_ones_ceilings_so_that_gates_stay_complete(world: World, adam: Client) -> None:
    """COST-9, COST-2: a free one has a hard cap whatever the other one has."""
    gate = gated(world, ceiling=4_321, pattern=Pattern.SOFT)
    with tenant_transaction(world.tenant.id):
        gold = UserTier.objects.get(slug="gold")
        actions.set_ceiling(gate=gate, tier=gold, ceiling=Ceiling(9, Pattern.HARD), actor=SETUP, now=NOW)
        sized = CostGate.objects.get().sized_at
    assert "Those of Standard" in adam.get(PAGE).content.decode()
    for slug, free in (("silver", {}), ("trial", {"is_free": "on"})):
        assert adam.post(PAGE, {"slug": slug, "name": slug, "like": "standard", **free}).status_code == 302
    with tenant_transaction(world.tenant.id):
        rows = TierGate.objects.filter(tier__slug__in=["silver", "trial"]).order_by("tier__slug")
        assert [(row.ceiling, row.pattern) for row in rows] == [(4_321, "soft"), (4_321, "hard")]
        assert gates.read(world.tenant.id).lacks(Workload.objects.get(id=world.workload.id)) == []
        assert CostGate.objects.get().sized_at == sized, "taken over isn't sized"


def test_a_user_is_put_there_by_their_own_id_of_which_only_the_pseudonym_is_kept(world: World, adam: Client) -> None:
    body = {"user": "ann@shop", "label": "Ann", "member": "CHARLIE@example.org"}
    assert adam.post(f"{PAGE}gold/", body).status_code == 302
    key = user_key(world.tenant.id, "ann@shop")
    assert people(world) == {key: ("gold", "Ann", "charlie@example.org")}
    for sought in ("an", "ann@shop", key[:10]):
        assert ">Ann</td>" in adam.get(f"{PAGE}gold/?q={sought}").content.decode(), sought
    assert "Nobody here is called that." in adam.get(f"{PAGE}gold/?q=bob").content.decode()
    assert "ann@shop" not in adam.get(f"{PAGE}gold/").content.decode()
    adam.post(f"{PAGE}standard/", {"user": "ann@shop", "label": "Ann B"})
    assert people(world) == {key: ("standard", "Ann B", None)}, "who is elsewhere moves"


def test_whoever_is_taken_out_has_what_everybody_has(world: World, adam: Client) -> None:
    adam.post(f"{PAGE}gold/", {"user": "ann"})
    with tenant_transaction(world.tenant.id):
        subject = Subject.objects.get()
    assert adam.post(f"{PAGE}standard/users/{subject.id}/remove/").status_code == 404, "not of this tier"
    assert adam.post(f"{PAGE}gold/users/{subject.id}/remove/").status_code == 302
    assert people(world) == {}
    assert audited(world)[-1] == "budget.user_removed"


def test_what_is_wrong_is_said_and_changes_nothing(world: World, adam: Client) -> None:
    for body, said in (
        ({"user": " "}, "This field is required"),
        ({"user": "u", "member": "mallory@example.org"}, "Only a member of this tenant"),
        ({"user": "u" * 201}, "at most 200 characters"),
    ):
        answer = adam.post(f"{PAGE}gold/", body)
        assert (answer.status_code, said in answer.content.decode()) == (400, True), body
    assert people(world) == {}


def test_nobody_else_reads_or_keeps_them(world: World, adam: Client) -> None:
    adam.post(f"{PAGE}gold/", {"user": "ann", "label": "Ann"})
    for name in ("alice", "bob", "erin", "audrey", "charlie"):
        client = signed_in(world, name)
        for path in (PAGE, f"{PAGE}gold/", f"{PAGE}users/import/", f"{API}/gold/users"):
            assert client.get(path).status_code == 403, (name, path)
        assert client.post(f"{PAGE}gold/", {"user": "bob"}).status_code == 403
        assert client.post(f"{PAGE}gold/default/").status_code == 403
    assert signed_in(world, "mallory").get(f"{PAGE}gold/").status_code == 404
    assert len(people(world)) == 1


def file(text: str) -> dict[str, Any]:
    return {"file": io.BytesIO(text.encode())}


def test_a_file_puts_many_at_once(world: World, adam: Client) -> None:
    adam.post(f"{PAGE}gold/", {"user": "ann", "label": "Old"})
    lines = "user,tier,label,member\nann,standard,Ann,Charlie@example.org\n'=bob,gold,'=Bob,\n\n"
    assert adam.post(f"{PAGE}users/import/", file(lines)).status_code == 302
    ann, bob = (user_key(world.tenant.id, user) for user in ("ann", "=bob"))
    assert people(world) == {ann: ("standard", "Ann", "charlie@example.org"), bob: ("gold", "=Bob", None)}
    assert audited(world)[-1] == "budget.users_imported"
    again = "user;tier\n"
    assert adam.post(f"{PAGE}users/import/", file(again)).status_code == 400


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("user,tier\nann,silver\nbob,gold\n", "Line 2: there is no tier 'silver'."),
        ("user,tier,member\nbob,gold,\nann,gold,mallory@example.org\n", "'mallory@example.org' is no member"),
        ("user,tier\nann,gold\nann,standard\n", "Line 3: line 2 is about the same user."),
        ("user,tier\n,gold\n", "Line 2: it says no user."),
        ("user,tier\nann,gold,more\n", "more cells than the head has columns"),
        ("user\nann\n", "The head has no column tier."),
        ("user,tier,name\nann,gold,A\n", "There is no column 'name'"),
        ("user,tier\n", "a line for each user"),
        ("", "The submitted file is empty."),
        ("\n", "The head has no column user."),
        (f"user,tier\n{'u' * 201},gold\n", "over 200 characters"),
        ("user,tier\nan\0n,gold\n", "It isn't a text file."),
        ('user,tier\n"ann,gold\n', "Line 2"),
    ],
)
def test_a_file_with_one_wrong_line_changes_nothing_and_names_it(
    world: World, adam: Client, text: str, said: str
) -> None:
    token = world.token("read", "write", user=world.adam)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    answer = client.post(f"{API}/users/import", file(text))
    assert answer.status_code == 400
    assert said in answer.json()["detail"] or said in str(answer.json()), answer.json()
    assert people(world) == {}


def test_a_file_is_no_longer_than_two_thousand_lines() -> None:
    text = "user,tier\n" + "".join(f"u{n},gold\n" for n in range(2_001))
    with pytest.raises(Invalid, match="2,000 at most"):
        reading.read(text)
    assert len(reading.read(text.replace("u2000,gold\n", ""))) == 2_000


@pytest.mark.parametrize("rows", [1, 3])
def test_pages_cost_the_same_at_one_row_and_at_three(
    world: World, adam: Client, rows: int, django_assert_num_queries: Callable[..., Any]
) -> None:
    gated(world)
    for number in range(rows):
        adam.post(f"{PAGE}gold/", {"user": f"u{number}", "label": f"User {number}"})
    for number in range(rows - 1):
        adam.post(PAGE, {"slug": f"more-{number}", "name": "More"})
    adam.get(PAGE)
    with django_assert_num_queries(11):
        assert adam.get(PAGE).content.decode().count(">Make default<") == rows
    with django_assert_num_queries(14):
        assert adam.get(f"{PAGE}gold/").content.decode().count(">Take out<") == rows


def test_over_the_api(world: World, adam: Client) -> None:
    token = world.token("read", "write", user=world.adam)
    client = Client(headers={"Authorization": f"Bearer {token}"})

    def send(method: str, path: str, body: Any = None) -> Any:
        return getattr(client, method)(f"{API}{path}", body, content_type="application/json")

    made = send("post", "/gold/users", {"user": "ann", "label": "Ann", "member": "charlie@example.org"})
    assert (made.status_code, made.json()["tier"], made.json()["member"]) == (201, "gold", "charlie@example.org")
    assert [row["label"] for row in client.get(f"{API}/gold/users").json()["results"]] == ["Ann"]
    changed = send("patch", "/gold", {"name": "Golden", "is_default": True})
    assert changed.json() == {"slug": "gold", "name": "Golden", "is_free": False, "is_default": True}
    assert send("patch", "/gold", {"is_default": False}).status_code == 400
    assert send("patch", "/silver", {"name": "S"}).status_code == 404
    assert send("delete", f"/gold/users/{made.json()['id']}").status_code == 204
    assert send("delete", f"/gold/users/{made.json()['id']}").status_code == 404
    answer = client.post(f"{API}/users/import", file("user,tier\nann,gold\n"))
    assert (answer.status_code, answer.json()) == (200, {"users": 1})
    reader = Client(headers={"Authorization": f"Bearer {world.token('read', user=world.adam)}"})
    assert reader.post(f"{API}/gold/users", {"user": "bob"}, content_type="application/json").status_code == 403
    assert len(people(world)) == 1
