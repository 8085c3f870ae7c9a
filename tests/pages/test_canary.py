"""No text that anybody types becomes markup: a canary into every field of every form, then every page for everybody."""

from django.test import Client

from tests.isolation.addresses import TENANTS
from tests.isolation.populate import Planted, populate
from tests.pages.forms import Form, forms
from tests.pages.test_pages import signed_in
from tests.world import World

BIRD = "<img src=x onerror=c(1)>"
CANARY = f"\"'>{BIRD}"
PEOPLE = ("alice", "adam", "erin", "bob", "charlie", "gina")


def pages(ours: Planted) -> list[str]:
    return sorted({a.path("acme", ours.ids) for a in TENANTS if not a.route.startswith("api/")})


def shown(client: Client, path: str) -> str:
    answer = client.get(path)
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")
    return answer.content.decode() if answer.status_code == 200 and is_page else ""


def filled(form: Form, name: str) -> dict[str, list[str]]:
    """The form with the canary in one of its fields, and in the others what stands there or a plain word."""
    plain = {n: [v if v or n not in form.free else "word" for v in values] for n, values in form.fields.items()}
    return {**plain, name: [CANARY]}


def test_a_canary_in_every_field_is_a_text_on_every_page(world: World) -> None:
    ours, _ = populate(world)
    paths = pages(ours)
    clients = {name: signed_in(name) for name in PEOPLE}
    tried = taken = 0
    for name, client in clients.items():
        for path in paths:
            for form in forms(shown(client, path)):
                if not form.action.startswith("/accounts/logout"):
                    for field in sorted(form.free):
                        tried += 1
                        answer = client.post(form.action or path, filled(form, field))
                        assert BIRD not in answer.content.decode(errors="replace"), f"{field} of {path} for {name}"
                        taken += answer.status_code == 302
    assert tried > 150 and taken > 30, f"{taken} of {tried} were taken: too few to show anything"
    escaped = 0
    for name, client in clients.items():
        for path in paths:
            page = shown(client, path)
            assert BIRD not in page, f"{path} for {name}"
            escaped += "&lt;img src=x onerror=c(1)&gt;" in page
    assert escaped > 10, f"the canary stands on {escaped} pages alone: too few to show anything"
