"""FEED-1, FEED-2: the pages of whoever reports and of whoever answers, and the API beside them."""

import base64
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from apps.feedback import triage
from apps.feedback.models import Report, Screenshot, Theme, TrustDay, Widget
from apps.workloads import actions as workloads
from portal.tenancy.context import tenant_transaction
from tests.feedback.factory import answered_by_agent, filed, reacted
from tests.pages.test_pages import signed_in
from tests.world import NOW, SETUP, World

SAID = {"workload": "W-01", "what_happened": "It quoted last year's price.", "would_help": "This year's."}
UNKNOWN = "00000000-0000-7000-8000-000000000000"


def picture(width: int = 8) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, 8)).save(out, "PNG")
    return out.getvalue()


def theme(world: World, *reports: Report) -> Theme:
    with tenant_transaction(world.tenant.id):
        return triage.make_theme(
            workload=world.workload,
            title="Old prices",
            reports=reports,
            maker=world.bob,
            actor=world.actor(world.bob),
            now=NOW,
        )


def reports(world: World) -> list[Report]:
    with tenant_transaction(world.tenant.id):
        return list(Report.objects.order_by("created_at"))


def test_anybody_in_the_tenant_reports_in_one_form(world: World) -> None:
    """Charlie has no right on the workload at all."""
    charlie = signed_in("charlie")
    assert charlie.get("/t/acme/workloads/W-01/").status_code == 404
    answer = charlie.post("/t/acme/feedback/new/", SAID)
    (report,) = reports(world)
    assert answer.headers["Location"] == f"/t/acme/feedback/{report.id}/"
    assert (report.reporter_id, report.source, report.category) == (world.charlie.id, "portal", "unhelpful")
    page = charlie.get(answer.headers["Location"]).content.decode()
    assert "Nobody has answered yet." in page and "Send the answer" not in page


def test_a_link_from_an_answer_fills_in_request_and_workload(world: World) -> None:
    answered_by_agent(world, "req-77")
    charlie = signed_in("charlie")
    page = charlie.get("/t/acme/feedback/new/?request=req-77").content.decode()
    assert '<input type="hidden" name="workload" value="W-01">' in page
    assert '<input type="hidden" name="request_id" value="req-77">' in page
    assert page.count("required") == 2, "two things are asked for"
    charlie.post("/t/acme/feedback/new/?request=req-77", {**SAID, "request_id": "req-77"})
    assert [(r.source, r.request_id) for r in reports(world)] == [("link", "req-77")]


def test_a_link_to_a_workload_that_is_not_here_asks_which_it_was(world: World) -> None:
    page = signed_in("charlie").get("/t/acme/feedback/new/?workload=W-99&request=x").content.decode()
    assert "Which agent was it?" in page


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(world: World) -> None:
    answer = signed_in("charlie").post(
        "/t/acme/feedback/new/", {**SAID, "screenshot": SimpleUploadedFile("shot.png", b"<svg onload=alert(1)>")}
    )
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Send a PNG, JPEG or WebP picture; this is none, whatever it is called." in page
    assert "It quoted last year&#x27;s price." in page
    assert reports(world) == []


def test_a_screenshot_is_for_whoever_may_read_the_report(world: World) -> None:
    sent = SimpleUploadedFile("evil.html", picture(), content_type="text/html")
    signed_in("charlie").post("/t/acme/feedback/new/", {**SAID, "screenshot": sent})
    address = f"/t/acme/feedback/{reports(world)[0].id}/screenshot/"
    for name, status in (("charlie", 200), ("alice", 200), ("audrey", 200), ("mallory", 404)):
        assert signed_in(name).get(address).status_code == status, name
    shown = signed_in("alice").get(address)
    assert shown.headers["Content-Type"] == "image/webp"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    with tenant_transaction(world.tenant.id):
        assert Screenshot.objects.get().width == 8


def test_a_frontline_user_reads_nobody_elses_report(world: World) -> None:
    other = filed(world, by=world.erin)
    charlie = signed_in("charlie")
    for path in (f"/t/acme/feedback/{other.id}/", f"/t/acme/feedback/{UNKNOWN}/"):
        assert charlie.get(path).status_code == 404
    assert charlie.post(f"/t/acme/feedback/{other.id}/better/", {"better": "yes"}).status_code == 404


def test_a_theme_is_read_by_all_and_its_reports_by_few(world: World) -> None:
    found = theme(world, filed(world, by=world.erin, what_happened="Quoted Mrs Miller's contract."))
    path = f"/t/acme/feedback/themes/{found.id}/"
    seen = {name: signed_in(name).get(path).content.decode() for name in ("charlie", "alice")}
    assert all("Old prices" in page for page in seen.values())
    assert "Miller" not in seen["charlie"] and "Miller" in seen["alice"]
    charlie = signed_in("charlie")
    assert "Me too" in charlie.get("/t/acme/feedback/").content.decode()
    charlie.post(f"{path}me-too/")
    assert "you, too" in charlie.get("/t/acme/feedback/").content.decode()


def test_the_team_answers_and_the_reporter_reads_it(world: World) -> None:
    report = filed(world)
    path = f"/t/acme/feedback/{report.id}/"
    bob, charlie = signed_in("bob"), signed_in("charlie")
    assert charlie.post(f"{path}answer/", {"state": "declined", "text": "x"}).status_code == 404
    said = {"state": "fixed", "text": "Version 1.1 knows.", "fixed_in": "1.1", "seen": "new"}
    assert bob.post(f"{path}answer/", said).status_code == 302
    assert bob.post(f"{path}answer/", said).status_code == 409
    page = charlie.get(path).content.decode()
    assert "Version 1.1 is said to fix it" in page and "Is it better now?" in page
    assert charlie.post(f"{path}better/", {"better": "no"}).status_code == 302
    assert reports(world)[0].state == "acknowledged"


def test_one_answer_goes_to_all_that_were_ticked_or_to_none(world: World) -> None:
    one, two = filed(world, now=NOW - timedelta(seconds=1)), filed(world)
    bob = signed_in("bob")
    path = "/t/acme/workloads/W-01/feedback/answer/"
    with tenant_transaction(world.tenant.id):
        triage.answer(report=two, state="declined", text="no", actor=world.actor(world.bob), now=NOW)
    said = {"report": [str(one.id), str(two.id)], "state": "planned", "text": "Next month."}
    assert bob.post(path, said).status_code == 409, "one of them is settled"
    assert [r.state for r in reports(world)] == ["new", "declined"]
    assert bob.post(path, {**said, "report": [str(one.id)]}).status_code == 302
    assert [r.state for r in reports(world)] == ["planned", "declined"]
    assert bob.post(path, {**said, "report": [UNKNOWN]}).status_code == 404
    assert bob.post(path, {**said, "report": ["x"]}).status_code == 400


def test_the_board_filters_and_suggestions_become_themes(world: World) -> None:
    one, two = filed(world, category="wrong"), filed(world)
    with tenant_transaction(world.tenant.id):
        Report.objects.filter(id=two.id).update(near=one, likeness=0.8)
    bob = signed_in("bob")
    page = bob.get("/t/acme/workloads/W-01/feedback/").content.decode()
    assert "2 may say the same" in page and "2 reports wait for a first answer" in page
    assert "1 report waits" in bob.get("/t/acme/workloads/W-01/feedback/?category=wrong").content.decode()
    made = bob.post("/t/acme/workloads/W-01/feedback/group/", {"reports": f"{one.id},{two.id}", "title": "Old prices"})
    assert made.status_code == 302
    with tenant_transaction(world.tenant.id):
        assert Theme.objects.get().reports.count() == 2
    assert "may say the same" not in bob.get("/t/acme/workloads/W-01/feedback/").content.decode()


def test_merging_and_taking_out_by_hand(world: World) -> None:
    one, two = filed(world), filed(world)
    bob = signed_in("bob")
    assert bob.post(f"/t/acme/feedback/{two.id}/merge/", {"into": str(one.id)}).status_code == 302
    assert "It is the same as another report" in bob.get(f"/t/acme/feedback/{two.id}/").content.decode()
    assert bob.post(f"/t/acme/feedback/{two.id}/unmerge/").status_code == 302
    assert bob.post(f"/t/acme/feedback/{two.id}/merge/", {"into": UNKNOWN}).status_code == 404


def test_the_desk_and_the_widgets_are_the_managers(world: World) -> None:
    alice, bob = signed_in("alice"), signed_in("bob")
    said = {
        "people": [str(world.bob.id)],
        "zone": "Europe/Berlin",
        "target_minutes": "30",
        "expected_reports": "100",
        "weeks": "40 25 20 15",
        "opens0": "09:00",
        "closes0": "17:00",
    }
    assert bob.post("/t/acme/workloads/W-01/desk/name/", said).status_code == 403
    assert alice.post("/t/acme/workloads/W-01/desk/name/", {**said, "closes0": ""}).status_code == 400
    assert alice.post("/t/acme/workloads/W-01/desk/name/", said).status_code == 302
    page = alice.get("/t/acme/workloads/W-01/desk/").content.decode()
    assert "Monday" in page and "Europe/Berlin" in page and "Bob" in page
    assert alice.post("/t/acme/workloads/W-01/widgets/", {"name": "x", "origins": "ftp://x"}).status_code == 400
    alice.post("/t/acme/workloads/W-01/widgets/", {"name": "Help", "origins": "https://app.example.com"})
    with tenant_transaction(world.tenant.id):
        key = Widget.objects.get().key
    assert f'data-key="{key}"' in alice.get("/t/acme/workloads/W-01/widgets/").content.decode()
    assert alice.post(f"/t/acme/workloads/W-01/widgets/{key}/revoke/").status_code == 302
    assert alice.post(f"/t/acme/workloads/W-01/widgets/{key}/revoke/").status_code == 404


def test_trust_says_what_it_knows(world: World) -> None:
    page = signed_in("alice").get("/t/acme/workloads/W-01/feedback/trust/").content.decode()
    assert "Not known yet: about 100 more users would tell." in page and "No day is counted yet" in page
    now = datetime.now(UTC)
    with tenant_transaction(world.tenant.id):
        TrustDay.objects.create(
            tenant=world.tenant, workload=world.workload, day=now.date(), users=200, doubting=30, as_of=now
        )
    page = signed_in("alice").get("/t/acme/workloads/W-01/feedback/trust/").content.decode()
    assert "15\u202f% of its users re-check" in page and "What was usual before isn't known yet" in page


def many(world: World, count: int) -> None:
    for n in range(count):
        report = filed(world, now=NOW + timedelta(seconds=n))
        theme_of(world, report, n)
        with tenant_transaction(world.tenant.id):
            triage.answer(report=report, state="acknowledged", text="x", actor=world.actor(world.bob), now=NOW)


def theme_of(world: World, report: Report, n: int) -> None:
    with tenant_transaction(world.tenant.id):
        triage.make_theme(
            workload=world.workload, title=f"t{n}", reports=[report], maker=world.bob, actor=SETUP, now=NOW
        )


COSTS = {
    ("charlie", "/t/acme/feedback/"): 15,
    ("charlie", "/t/acme/feedback/new/"): 11,
    ("bob", "/t/acme/workloads/W-01/feedback/"): 17,
    ("alice", "/t/acme/workloads/W-01/feedback/trust/"): 12,
    ("alice", "/t/acme/workloads/W-01/desk/"): 16,
    ("alice", "/t/acme/workloads/W-01/widgets/"): 11,
}


@pytest.mark.parametrize("count", [1, 3])
def test_each_page_takes_so_many_statements_whatever_it_lists(world: World, count: int) -> None:
    many(world, count)
    answered_by_agent(world, "r-1")
    reacted(world, ("r-1", "used"))
    found = {}
    for who, path in COSTS:
        client = signed_in(who)
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        found[(who, path)] = len(captured)
    assert found == COSTS


# The API.


def api(world: World, method: str, path: str, said: Any = None, token: str = "", tenant: str = "acme") -> Any:
    headers = {"Authorization": f"Bearer {token or world.token('feedback', 'read', 'operate', 'write')}"}
    call = getattr(Client(), method)
    if said is None:
        return call(f"/api/v1/t/{tenant}/{path}", headers=headers)
    return call(f"/api/v1/t/{tenant}/{path}", json.dumps(said), content_type="application/json", headers=headers)


def test_a_service_reports_for_a_user_that_it_names_and_for_nobody_else(world: World) -> None:
    said = {**SAID, "screenshot": base64.b64encode(picture()).decode()}
    refused = api(world, "post", "feedback/reports", said)
    assert (refused.status_code, refused.json()["code"]) == (403, "somebody")
    assert reports(world) == []
    made = api(world, "post", "feedback/reports", {**said, "user": "ann", "category": "redone", "request_id": "r"})
    assert (made.status_code, made.json()["state"], made.json()["reporter"]) == (201, "new", None)
    assert api(world, "get", f"feedback/reports/{made.json()['id']}").json()["source"] == "api"


def test_a_token_without_the_scope_or_of_another_workload_reports_nothing(world: World) -> None:
    said = {**SAID, "user": "ann"}
    assert api(world, "post", "feedback/reports", said, world.token("read")).status_code == 403
    bound = world.token("feedback", workload_ids=[world.candidate.id])
    assert api(world, "post", "feedback/reports", said, bound).status_code == 404
    assert api(world, "post", "feedback/reports", {**said, "workload": "W-99"}).status_code == 404
    foreign = world.token("feedback", tenant=world.other)
    assert api(world, "post", "feedback/reports", said, foreign).status_code == 404
    assert reports(world) == []


def test_answers_merges_and_me_too_over_the_api(world: World) -> None:
    one, two = filed(world), filed(world)
    wrong = api(world, "post", f"feedback/reports/{one.id}/answers", {"state": "fixed", "text": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "fixed_in")
    fixed = {"state": "fixed", "text": "1.1 knows.", "fixed_in": "1.1"}
    assert api(world, "post", f"feedback/reports/{one.id}/answers", fixed).json()["fixed_in"] == "1.1"
    merged = api(world, "put", f"feedback/reports/{two.id}/duplicate-of", {"report": str(one.id)})
    assert merged.json()["duplicate_of"] == str(one.id)
    back = api(world, "put", f"feedback/reports/{two.id}/duplicate-of", {"report": None})
    assert back.json()["duplicate_of"] is None
    found = theme(world, one)
    personal = world.token("feedback", "read", user=world.charlie)
    assert api(world, "post", f"feedback/themes/{found.id}/me-too", token=personal).json() == {"is_new": True}
    assert api(world, "get", "feedback/themes").json()["results"][0]["me_too"] == 1
    mine = api(world, "post", f"feedback/reports/{one.id}/better", {"is_better": True}, personal)
    assert mine.json()["is_better"] is True


def test_reactions_come_many_at_once_and_trust_is_read(world: World) -> None:
    answered_by_agent(world, "r-1", user="ann")
    said = {
        "reactions": [{"request_id": "r-1", "kind": "rechecked", "user": "ann"}, {"request_id": "r-2", "kind": "used"}]
    }
    path = "workloads/W-01/reactions"
    assert [api(world, "post", path, said).json() for _ in range(2)] == [{"new": 2}, {"new": 0}]
    assert api(world, "post", path, {"reactions": []}).status_code == 400
    assert api(world, "post", path, {"reactions": [{"request_id": "r", "kind": "unhelpful"}]}).status_code == 400
    assert api(world, "get", "workloads/W-01/trust").json()["is_rising"] is False


def test_a_desk_is_named_and_read_over_the_api(world: World) -> None:
    said = {
        "people": ["bob@example.org"],
        "zone": "Europe/Berlin",
        "hours": [{"weekday": 0, "opens": "09:00", "closes": "17:00"}],
        "target_minutes": 30,
        "expected_reports": 100,
    }
    made = api(world, "put", "workloads/W-01/desk", said)
    assert (made.status_code, made.json()["people"], made.json()["queue"]) == (200, ["bob@example.org"], 0)
    assert api(world, "get", "workloads/W-01/desk").json()["hours"] == said["hours"]
    assert api(world, "put", "workloads/W-01/desk", {**said, "people": ["mallory@example.org"]}).status_code == 400


@pytest.mark.parametrize("count", [1, 3])
def test_lists_of_the_api_take_so_many_statements(world: World, count: int) -> None:
    many(world, count)
    token = world.token("read")
    found = {}
    for path in ("feedback/reports", "feedback/themes"):
        api(world, "get", path, token=token)
        with CaptureQueriesContext(connection) as captured:
            assert len(api(world, "get", path, token=token).json()["results"]) == count
        found[path] = len(captured)
    assert found == {"feedback/reports": 11, "feedback/themes": 11}


def test_whoever_may_operate_by_grant_answers_and_loses_it_at_once(world: World) -> None:
    report = filed(world, by=world.erin)
    arguments = {"workload": world.workload, "user": world.charlie, "permission": "operate_workload", "actor": SETUP}
    path, said = f"/t/acme/feedback/{report.id}/answer/", {"state": "planned", "text": "Soon."}
    charlie = signed_in("charlie")
    assert charlie.post(path, said).status_code == 404
    with tenant_transaction(world.tenant.id):
        workloads.permit_person(**arguments)
    assert charlie.post(path, said).status_code == 302
    with tenant_transaction(world.tenant.id):
        workloads.forbid_person(**arguments)
    assert charlie.post(path, said).status_code == 404


def test_a_token_that_may_not_read_reads_no_report_and_judges_none(world: World) -> None:
    report = filed(world)
    for scope in ("telemetry", "decide", "feedback"):
        token = world.token(scope)
        assert api(world, "get", "feedback/reports", token=token).json()["results"] == [], scope
        assert api(world, "get", f"feedback/reports/{report.id}", token=token).status_code == 404
    assert len(api(world, "get", "feedback/reports", token=world.token("read")).json()["results"]) == 1
    reader = world.token("read", user=world.charlie)
    assert api(world, "post", f"feedback/reports/{report.id}/better", {"is_better": False}, reader).status_code == 403


def test_a_token_of_another_workload_reads_not_even_its_owners_reports(world: World) -> None:
    report = filed(world)
    found = theme(world, report)
    bound = world.token("read", "feedback", user=world.charlie, workload_ids=[world.candidate.id])
    assert api(world, "get", f"feedback/reports/{report.id}", token=bound).status_code == 404
    assert api(world, "post", f"feedback/themes/{found.id}/me-too", token=bound).status_code == 404


def test_people_send_no_reactions_whatever_they_may_see(world: World) -> None:
    """An auditor who could say what others did with their answers could roll anything back."""
    said = json.dumps({"reactions": [{"request_id": "r-1", "kind": "rechecked"}]})
    for name, status in (("audrey", 403), ("alice", 403), ("charlie", 404)):
        answer = signed_in(name).post("/api/v1/t/acme/workloads/W-01/reactions", said, content_type="application/json")
        assert answer.status_code == status, name


@pytest.mark.parametrize("path", ["feedback/new/?request=%00", "feedback/?page=%00", "workloads/?q=%00"])
def test_the_character_nul_in_an_address_is_refused(world: World, path: str) -> None:
    assert signed_in("charlie").get(f"/t/acme/{path}").status_code == 400
    assert api(world, "get", "feedback/reports?state=%00").status_code == 400
