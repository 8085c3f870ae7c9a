"""Every list of the admin, generated from its registry: what it costs, how it is filtered, how it leaves."""

import copy
import csv
import io
import json
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import ApiToken, User
from apps.audit.models import AuditEntry
from apps.ownership.models import Alert
from apps.tenants.models import Invitation, Membership, Tenant
from apps.workloads.models import Workload
from portal.admin import exporting
from portal.tenancy.context import tenant_transaction
from tests.admin.test_admin import PLATFORM_MODELS, TENANT_MODELS, act, opened, url
from tests.isolation.populate import populate
from tests.world import World

# What a list costs, and the one that costs more: its filter asks which outcomes there are.
COSTS, COSTS_OF = 9, {"ownership.InboundEvent": 10}


def statements(client: Client, address: str) -> int:
    with CaptureQueriesContext(connections["default"]) as ours, CaptureQueriesContext(connections["ops"]) as across:
        assert client.get(address).status_code == 200, address
    return len(ours) + len(across)


def shows(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Have each list show its first row so often, as rows of their own that know nothing of each other."""
    original = ChangeList.get_results

    def get_results(self: Any, request: Any) -> None:
        original(self, request)
        self.result_list = [copy.copy(row) for row in list(self.result_list)[:1] for _ in range(rows)]

    monkeypatch.setattr(ChangeList, "get_results", get_results)


def test_each_list_costs_the_same_at_one_row_and_at_three(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    populate(world)
    otto = opened("otto")
    models = [model for model in (*TENANT_MODELS, *PLATFORM_MODELS) if model is not AuditEntry]
    otto.get(url(Workload))
    costs: dict[int, dict[str, int]] = {}
    for rows in (1, 3):
        with monkeypatch.context() as patch:
            shows(patch, rows)
            costs[rows] = {model._meta.label: statements(otto, url(model)) for model in models}
    assert costs[1] == costs[3]
    assert costs[1] == {model._meta.label: COSTS_OF.get(model._meta.label, COSTS) for model in models}


def test_each_list_is_searched_and_filtered(world: World) -> None:
    """A search for what nothing is called finds nothing, and no lens breaks."""
    populate(world)
    otto = opened("otto")
    for model, owner in admin.site._registry.items():
        if model is AuditEntry:
            continue
        request = otto.get(url(model)).wsgi_request
        if owner.get_search_fields(request):
            found = otto.get(f"{url(model)}?q=nothing-is-called-so")
            assert (found.status_code, found.context["cl"].result_count) == (200, 0), model
        for lens in getattr(owner, "lenses", ()):
            assert otto.get(f"{url(model)}?look={lens.name}").status_code == 200, (model, lens.name)


def exported(client: Client, model: Any, kind: str, query: str = "") -> str:
    answer = client.post(url(model, f"export/{kind}/{query}"))
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()  # type: ignore[arg-type]


def test_a_list_leaves_as_csv_and_as_json_lines_with_its_filters_and_in_the_trail(live_world: World) -> None:
    adam = opened("adam")
    live_world.token("read")
    rows = list(csv.DictReader(io.StringIO(exported(adam, ApiToken, "csv"))))
    assert [(row["name"], row["scopes"], row["revoked_at"]) for row in rows] == [("test", '["read"]', "")]
    lines = [json.loads(line) for line in exported(adam, ApiToken, "jsonl").splitlines()]
    assert [(row["name"], row["scopes"], row["revoked_at"]) for row in lines] == [("test", ["read"], None)]
    assert exported(adam, ApiToken, "jsonl", "?look=revoked") == ""
    with tenant_transaction(live_world.tenant.id):
        entries = AuditEntry.objects.filter(action="operator.session_exported")
        assert entries.count() == 3 and "api tokens: ticket 4711" in entries[0].body
    assert adam.get(url(ApiToken, "export/csv/")).status_code == 404
    assert adam.post(url(ApiToken, "export/xlsx/")).status_code == 404


@pytest.mark.parametrize("query", ["?foo=abc", "?created_at__gte=abc", "?id=abc", "?created_at__gte=9999-99-99"])
def test_a_filter_that_makes_no_sense_gives_no_file_and_says_so(world: World, query: str) -> None:
    adam = opened("adam")
    answer = adam.post(url(Workload, f"export/csv/{query}"))
    assert answer.status_code == 400 and b"no such filter" in answer.content
    with tenant_transaction(world.tenant.id):
        assert not AuditEntry.objects.filter(body__contains="exported").exists()


@pytest.mark.parametrize("model", [Invitation, ApiToken])
def test_an_action_on_what_is_no_row_is_refused_in_words(world: World, model: Any) -> None:
    adam = opened("adam")
    for chosen in (["nope"], [str(world.alice.id), "1"], ["\0"]):
        answer = adam.post(url(model), {"action": "revoke", "_selected_action": chosen})
        assert answer.status_code == 400 and b"no row of this list" in answer.content, chosen


def test_a_file_holds_the_open_tenant_alone_and_global_rows_go_to_operators(live_world: World) -> None:
    theirs = exported(opened("adam"), Workload, "jsonl")
    assert theirs.count("W-01") == 2, "its key and its name"
    assert [json.loads(line)["slug"] for line in exported(opened("otto"), Tenant, "jsonl").splitlines()] == [
        "acme",
        "umbra",
    ]
    assert opened("adam").post(url(User, "export/csv/")).status_code == 404


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-1", "'-1"),
        (-1, "'-1"),
        ("@sum", "'@sum"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("plain = fine", "plain = fine"),
        (None, ""),
        (3, "3"),
        (["=a"], '["=a"]'),
    ],
)
def test_what_begins_like_a_formula_is_a_text(value: Any, shown: str) -> None:
    assert exporting.cell(value) == shown
    if isinstance(value, str):
        lines = list(exporting.lines("csv", ["a"], [[value]]))
        assert next(csv.reader(io.StringIO(lines[1], newline="")))[0] == shown


def test_nothing_is_done_to_several_before_it_was_asked_with_a_reason(world: World) -> None:
    ours, _ = populate(world)
    adam = opened("adam")
    chosen = {"action": "revoke", "_selected_action": [str(ours.token.pk)]}
    asked = adam.post(url(ApiToken), chosen)
    assert "is done to <strong>1</strong> api token" in asked.content.decode()
    without = adam.post(url(ApiToken), {**chosen, "confirmed": "yes", "reason": " "})
    assert without.status_code == 400
    with tenant_transaction(world.tenant.id):
        assert ApiToken.objects.get(pk=ours.token.pk).revoked_at is None
    assert act(adam, ApiToken, "revoke", ours.token, reason="it leaked").status_code == 302
    with tenant_transaction(world.tenant.id):
        assert ApiToken.objects.get(pk=ours.token.pk).revoked_at is not None
        assert '"reason":"it leaked"' in AuditEntry.objects.get(action="token.revoked").body


def test_where_one_of_several_is_refused_none_is_changed(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        members = list(Membership.objects.filter(user__in=[world.charlie, world.adam]))
    answer = act(opened("otto"), Membership, "end_memberships", *members)
    assert answer.status_code == 409
    with tenant_transaction(world.tenant.id):
        assert set(Membership.objects.filter(pk__in=[m.pk for m in members]).values_list("ended_at", flat=True)) == {
            None
        }


def test_each_figure_counts_what_its_list_shows(world: World) -> None:
    """With something of everything there, and at the same number of statements whatever there is."""
    adam = opened("adam")
    adam.get("/admin/")
    before = statements(adam, "/admin/")
    populate(world)
    page = adam.get("/admin/")
    assert statements(adam, "/admin/") == before == 13
    loud = page.context["loud"]
    assert {figure.says for figure in loud} >= {
        "Alerts that are open",
        "Rollouts in flight",
        "Members without a second factor of their own",
        "API tokens that were never used",
    }
    for figure in [*loud, *page.context["quiet"]]:
        rows = adam.get(figure.url).context["cl"].result_count
        assert figure.count == rows, figure.says
    with tenant_transaction(world.tenant.id):
        Alert.objects.update(state="resolved", resolved_at=world.workload.created_at, due_at=None)
    calm = adam.get("/admin/")
    assert "Alerts that are open" in {figure.says for figure in calm.context["quiet"]}
