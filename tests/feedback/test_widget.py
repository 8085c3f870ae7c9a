"""FEED-1 on other people's pages: its origin, its ticket, and nothing without both."""

import base64
import io
import json
from typing import Any
from unittest import mock

import pytest
from django.core import signing
from django.test import Client
from PIL import Image

from apps.feedback import tickets, triage
from apps.feedback.models import ReactionRecord, Report, Widget
from apps.feedback.tickets import LASTS, Ticket
from apps.feedback.widget import actions as widgets
from apps.feedback.widget.actions import origin_of
from portal.errors import Conflict, Invalid
from portal.pseudonyms import user_key
from portal.tenancy.context import tenant_transaction
from tests.feedback.factory import answered_by_agent, filed, sums
from tests.world import NOW, World

PAGE = "https://app.example.com"
TOLD = {"what_happened": "Old price.", "would_help": "New price.", "request_id": "r-1"}


@pytest.fixture
def widget(world: World) -> Widget:
    with tenant_transaction(world.tenant.id):
        return widgets.add_widget(
            workload=world.workload, name="Help centre", origins=[PAGE], actor=world.actor(world.alice), now=NOW
        )


def ticket(widget: Widget, user: str = "ann", email: str = "") -> str:
    return tickets.issue(widget.id, Ticket(user, email))


def ask(
    widget: Widget, raw: str | None = None, said: Any = None, origin: str | None = PAGE, path: str = "reports"
) -> Any:
    headers = {"Authorization": f"Bearer {ticket(widget) if raw is None else raw}"}
    headers |= {"Origin": origin} if origin is not None else {}
    address = f"/widget/v1/{widget.key}/{path}"
    if said is None:
        return Client().get(address, headers=headers)
    return Client().post(address, json.dumps(said), content_type="application/json", headers=headers)


def kept(world: World) -> int:
    with tenant_transaction(world.tenant.id):
        return Report.objects.count()


def test_a_user_without_a_sign_in_reports_and_reads_the_answer(world: World, widget: Widget) -> None:
    answered_by_agent(world, "r-1", user="ann")
    answer = ask(widget, said=TOLD)
    assert (answer.status_code, answer.json()["state"]) == (201, "new")
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Access-Control-Allow-Credentials" not in answer.headers and not answer.cookies
    with tenant_transaction(world.tenant.id):
        report = Report.objects.get()
        assert (report.source, report.reporter_id, report.reporter_key) == (
            "widget",
            None,
            user_key(world.tenant.id, "ann"),
        )
        triage.answer(
            report=report,
            state="fixed",
            fixed_in=world.candidate,
            text="1.1 knows.",
            actor=world.actor(world.bob),
            now=NOW,
        )
    assert sums(world)[4] == 1, "it counts where the answer was"
    (mine,) = ask(widget).json()["reports"]
    assert (mine["state"], mine["answer"], mine["fixed_in"]) == ("fixed", "1.1 knows.", "1.1")
    assert ask(widget, ticket(widget, "ben")).json() == {"reports": []}


def test_a_member_whom_the_application_vouches_for_reports_as_themselves(world: World, widget: Widget) -> None:
    ask(widget, ticket(widget, "u-7", "Charlie@example.org"), TOLD)
    ask(widget, ticket(widget, "u-8", "mallory@example.org"), TOLD)
    with tenant_transaction(world.tenant.id):
        found = list(Report.objects.order_by("created_at").values_list("reporter__name", "reporter_key"))
    assert found == [("Charlie", ""), (None, user_key(world.tenant.id, "u-8"))], "Mallory is no member here"
    filed(world, what_happened="In the portal, not here.")
    mine = ask(widget, ticket(widget, "u-7", "charlie@example.org")).json()["reports"]
    assert [each["what_happened"] for each in mine] == ["Old price."]


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "http://app.example.com", f"{PAGE}:8443", f"{PAGE}.evil.example"]
)
def test_a_page_of_another_origin_gets_nothing_and_may_not_even_read_why(
    world: World, widget: Widget, origin: str | None
) -> None:
    for answer in (ask(widget, said=TOLD, origin=origin), ask(widget, origin=origin)):
        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert kept(world) == 0


def test_the_browsers_question_is_answered_for_its_own_pages_alone(widget: Widget) -> None:
    def preflight(origin: str) -> Any:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return Client().options(f"/widget/v1/{widget.key}/reports", headers=headers)

    allowed = preflight(PAGE)
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"], allowed.headers["Vary"]) == (
        204,
        PAGE,
        "Origin",
    )
    assert allowed.headers["Access-Control-Allow-Methods"] == "GET, POST"
    refused = preflight("https://evil.example")
    assert (refused.status_code, "Access-Control-Allow-Origin" in refused.headers) == (403, False)


def test_without_a_ticket_that_counts_nobody_reports(world: World, widget: Widget) -> None:
    with tenant_transaction(world.tenant.id):
        other = widgets.add_widget(
            workload=world.workload, name="Other", origins=[PAGE], actor=world.actor(world.alice), now=NOW
        )
    with mock.patch("django.core.signing.time.time", return_value=signing.time.time() - LASTS.total_seconds() - 1):
        old = ticket(widget)
    forged = signing.dumps({"u": "ann", "e": ""}, salt="causeway.feedback.ticket")
    for raw in ("", "nonsense", old, forged, ticket(other), f"{ticket(widget)}x"):
        answer = ask(widget, raw, TOLD)
        assert (answer.status_code, answer.json()["code"]) == (401, "ticket"), raw
    assert kept(world) == 0


def test_a_widget_that_is_revoked_or_unknown_is_answered_nowhere(world: World, widget: Widget) -> None:
    with tenant_transaction(world.tenant.id):
        widgets.revoke_widget(widget=widget, actor=world.actor(world.alice), now=NOW)
        with pytest.raises(Conflict):
            widgets.revoke_widget(widget=widget, actor=world.actor(world.alice), now=NOW)
    assert ask(widget, said=TOLD).status_code == 404
    widget.key = "x" * 12
    assert ask(widget, said=TOLD).status_code == 404
    assert kept(world) == 0


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({**TOLD, "what_happened": ""}, 400, "report_invalid"),
        ({**TOLD, "what_happened": 5}, 400, "what_happened"),
        ({**TOLD, "category": "sad"}, 400, "report_invalid"),
        ({**TOLD, "what_happened": "\ud800"}, 400, "what_happened"),
        ({**TOLD, "screenshot": "%%%"}, 400, "screenshot"),
        ({**TOLD, "screenshot": base64.b64encode(b"<svg/>").decode()}, 400, "screenshot"),
        ([], 400, "json"),
        ({**TOLD, "what_happened": "x" * 9_000_000}, 413, "body_too_large"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    world: World, widget: Widget, said: Any, status: int, code: str
) -> None:
    answer = ask(widget, said=said)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE, "the page may read why"
    assert kept(world) == 0


def test_a_screenshot_comes_as_a_data_address_too(world: World, widget: Widget) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    encoded = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
    assert ask(widget, said={**TOLD, "screenshot": encoded}).status_code == 201
    with tenant_transaction(world.tenant.id):
        assert Report.objects.get().screenshots.get().width == 8


def test_one_click_says_that_it_was_re_checked(world: World, widget: Widget) -> None:
    said = {"request_id": "r-1", "kind": "rechecked"}
    assert [ask(widget, said=said, path="reactions").json() for _ in range(2)] == [{"new": 1}, {"new": 0}]
    with tenant_transaction(world.tenant.id):
        assert ReactionRecord.objects.get().user_key == user_key(world.tenant.id, "ann")
    assert ask(widget, said={**said, "kind": "unhelpful"}, path="reactions").status_code == 400


def test_a_session_counts_for_nothing_here(world: World, widget: Widget) -> None:
    client = Client()
    client.force_login(world.alice)
    answer = client.post(
        f"/widget/v1/{widget.key}/reports", json.dumps(TOLD), content_type="application/json", headers={"Origin": PAGE}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        (" https://App.Example.com/ ", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("https://app.example.com:8443", "https://app.example.com:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(text: str, origin: str) -> None:
    assert origin_of(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "https://*.example.com",
        "http://app.example.com",
        "https://app.example.com/path",
        "https://user@app.example.com",
        "javascript:alert(1)",
        "null",
        "app.example.com",
        "https://",
        "https://app.example.com:99999",
        "https://faß.de",
    ],
)
def test_what_is_no_single_origin_is_refused(world: World, text: str) -> None:
    with pytest.raises(Invalid):
        origin_of(text)


def test_tickets_are_for_tokens_with_the_scope_and_within_what_they_cover(world: World, widget: Widget) -> None:
    def issued(token: str, tenant: str = "acme") -> Any:
        return Client().post(
            f"/api/v1/t/{tenant}/feedback/widgets/{widget.key}/tickets",
            json.dumps({"user": "ann"}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )

    answer = issued(world.token("feedback"))
    assert (answer.status_code, answer.json()["seconds"]) == (201, 3_600)
    assert ask(widget, answer.json()["ticket"], TOLD).status_code == 201
    assert issued(world.token("read")).status_code == 403
    assert issued(world.token("feedback", workload_ids=[world.candidate.id])).status_code == 404
    assert issued(world.token("feedback", tenant=world.other), "umbra").status_code == 404
    client = Client()
    client.force_login(world.alice)
    mine = client.post(
        f"/api/v1/t/acme/feedback/widgets/{widget.key}/tickets", {"user": "ann"}, content_type="application/json"
    )
    assert (mine.status_code, mine.json()["code"]) == (403, "token_needed")
