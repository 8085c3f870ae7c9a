"""The gates over the API: the pages' own actions, with the same refusals."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.gates.models import Attachment, CriterionLimit, RedFlag, StageMove, Waiver
from apps.workloads.models import Workload
from portal.tenancy.context import tenant_transaction
from tests.gates.test_attachments import JPEG, PNG
from tests.gates.test_gates import JOURNEY, SEAT
from tests.pages.test_pages import signed_in
from tests.world import World

BASE = "/api/v1/t/acme/"
W01 = f"{BASE}workloads/W-01/"


def send(client: Client, method: str, url: str, body: Any) -> Any:
    return getattr(client, method)(url, json.dumps(body), content_type="application/json")


def test_criteria_are_listed_with_what_is_in_force_and_an_admin_tightens_them(world: World) -> None:
    adam, alice = signed_in("adam"), signed_in("alice")
    url = f"{BASE}criteria/V1/limits/cases"
    assert send(alice, "put", url, {"value": 12, "reason": "r"}).status_code == 403
    assert send(adam, "put", url, {"value": 9, "reason": "r"}).status_code == 400
    assert send(adam, "put", f"{BASE}criteria/V9/limits/cases", {"value": 12, "reason": "r"}).status_code == 404
    tightened = send(adam, "put", url, {"value": 12, "reason": "we know twelve"})
    limit = {"name": "cases", "title": "Cases", "default_value": 10.0, "value": 12.0}
    assert tightened.json()["limits"] == [limit]
    listed = {row["id"]: row for row in alice.get(f"{BASE}criteria").json()}
    assert len(listed) == 25
    assert (listed["V1"]["limits"], listed["H2"]["is_waivable"]) == ([limit], False)
    with tenant_transaction(world.tenant.id):
        assert CriterionLimit.objects.get().value == 12


def test_an_admin_adds_a_criterion_and_retires_it(world: World) -> None:
    adam = signed_in("adam")
    body = {
        "stage": "harden",
        "title": "Insured",
        "intro": "A policy.",
        "counts_from": "2030-01-01",
        "shapes": ["code"],
    }
    assert send(signed_in("alice"), "post", f"{BASE}criteria", body).status_code == 403
    assert send(adam, "post", f"{BASE}criteria", {**body, "shapes": ["square"]}).status_code == 400
    made = send(adam, "post", f"{BASE}criteria", body)
    assert (made.status_code, made.json()["code"]) == (201, "HT1")
    assert "HT1" in {row["id"] for row in adam.get(f"{BASE}criteria").json()}
    assert send(adam, "delete", f"{BASE}criteria/HT1", {"reason": ""}).status_code == 400
    assert send(adam, "delete", f"{BASE}criteria/HT1", {"reason": "sold"}).status_code == 204
    assert "HT1" not in {row["id"] for row in adam.get(f"{BASE}criteria").json()}


def test_waivers_flags_and_going_back(world: World) -> None:
    alice, bob = signed_in("alice"), signed_in("bob")
    asked = {"criterion": "P2", "days": 10, "reason": "on leave"}
    assert send(bob, "post", f"{W01}waivers", asked).status_code == 403
    assert send(alice, "post", f"{W01}waivers", {**asked, "days": 31}).status_code == 400
    assert send(alice, "post", f"{W01}waivers", {**asked, "criterion": "H2"}).status_code == 409
    assert send(alice, "post", f"{W01}waivers", asked).status_code == 201
    assert [row["criterion"] for row in alice.get(f"{W01}waivers").json()["results"]] == ["P2"]
    assert send(bob, "post", f"{W01}gates/pilot/flags", {"what": "hand-picked"}).status_code == 403
    assert send(signed_in("erin"), "post", f"{W01}gates/pilot/flags", {"what": "hand-picked"}).status_code == 201
    assert send(alice, "post", f"{W01}back", {"stage": "pilot", "reason": "again"}).status_code == 409
    with tenant_transaction(world.tenant.id):
        Workload.objects.update(stage="validate")
    assert send(alice, "post", f"{W01}back", {"stage": "pilot", "reason": "again"}).status_code == 201
    with tenant_transaction(world.tenant.id):
        assert (Waiver.objects.count(), RedFlag.objects.count()) == (1, 1)
        assert StageMove.objects.get().after == "pilot"


def test_an_eval_set_is_named_and_a_version_compared(world: World) -> None:
    alice = signed_in("alice")
    assert alice.get(f"{W01}eval-set").status_code == 404
    body = {"name": "Golden", "owner": "bob@example.org", "margin": 0.05, "reason": "agreed"}
    assert send(signed_in("bob"), "put", f"{W01}eval-set", body).status_code == 403
    assert send(alice, "put", f"{W01}eval-set", {**body, "owner": "mallory@example.org"}).status_code == 400
    assert send(alice, "put", f"{W01}eval-set", body).json()["owner"] == "bob@example.org"
    with tenant_transaction(world.tenant.id):
        Workload.objects.update(stage="deploy", serving_version=world.stable)
    found = alice.get(f"{W01}versions/1.1/comparison").json()
    assert (found["may_be_rolled_out"], found["why"]) == (False, "Version 1.1 has no run on the eval set Golden.")
    assert (found["predecessor"], found["inputs"]) == ("1.0", None)


def test_a_document_comes_with_its_files_and_a_false_one_is_refused(world: World) -> None:
    alice, url = signed_in("alice"), f"{W01}evidence/core_journey"
    bad = {"document": json.dumps(JOURNEY), "attachments": SimpleUploadedFile("x.png", JPEG, "image/png")}
    refused = alice.post(url, bad)
    assert (refused.status_code, refused.json()["code"]) == (400, "attachment_invalid")
    assert (
        alice.post(url, {"document": "{", "attachments": SimpleUploadedFile("x.png", PNG, "image/png")}).status_code
        == 400
    )
    made = alice.post(
        url, {"document": json.dumps(JOURNEY), "attachments": SimpleUploadedFile("x.png", PNG, "image/png")}
    )
    assert made.status_code == 201, made.json()
    assert made.json()["content"]["attachments"][0]["name"] == "x.png"
    with tenant_transaction(world.tenant.id):
        assert Attachment.objects.get().evidence_id.hex == made.json()["id"].replace("-", "")


@pytest.mark.parametrize("body", [3, "x", None, [], {"rows": 3}, [[1]]])
def test_whatever_is_sent_as_a_document_is_never_a_500(world: World, body: Any) -> None:
    assert send(signed_in("alice"), "post", f"{W01}evidence/edge_cases", body).status_code == 400
    assert send(signed_in("alice"), "post", f"{W01}evidence/stakeholder_seat", SEAT).status_code == 403
