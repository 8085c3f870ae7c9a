"""Signing people in as a browser does: with a password, a code, or a tenant's own provider on loopback."""

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlencode

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client, override_settings
from oidc_provider_mock import run_server_in_thread

from apps.tenants import provider
from apps.tenants.models import SignInProvider, Tenant
from portal.actor import Actor
from portal.tenancy.context import tenant_transaction
from tests.world import PASSWORD

LOOPBACK = ["127.0.0.0/8", "::1/128"]
ADMIN = Actor(kind="person", id=None, label="an admin", roles=frozenset({"admin"}))


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass
class Idp:
    """A real provider on loopback, and what its owner can make it say."""

    issuer: str

    def says(self, sub: str, **claims: Any) -> None:
        body = json.dumps({"email_verified": True, **claims}).encode()
        asked = urllib.request.Request(
            f"{self.issuer}/users/{sub}", body, {"Content-Type": "application/json"}, method="PUT"
        )
        urllib.request.urlopen(asked).close()

    def approve(self, address: str, sub: str) -> str:
        """Press its button; the path, with its query, that it sends the browser back to."""
        opener = urllib.request.build_opener(_Stay)
        try:
            opener.open(address, urlencode({"sub": sub}).encode())
        except urllib.error.HTTPError as answer:
            assert answer.status == 302, answer.read()
            return "/" + answer.headers["Location"].split("/", 3)[3]
        raise AssertionError("it didn't send the browser back")

    def connect(self, tenant: Tenant, **options: Any) -> SignInProvider:
        """Make it the tenant's own."""
        values = {"domains": ["example.org"], "enforces_mfa": False, "is_only_way": False, **options}
        with tenant_transaction(tenant.id):
            return provider.set_provider(
                tenant_id=tenant.id,
                issuer=self.issuer,
                client_id=f"causeway-{tenant.slug}",
                client_secret="secret",
                actor=ADMIN,
                **values,
            )


@contextmanager
def idp() -> Iterator[Idp]:
    with override_settings(OUTBOUND_NETWORKS=LOOPBACK), run_server_in_thread() as server:
        yield Idp(f"http://localhost:{server.server_port}")


def left(client: Client, slug: str, query: dict[str, str] | None = None) -> str:
    """By the tenant's page and its link, as a person does: where the browser is sent at the provider."""
    page = client.get(f"/accounts/oidc/{slug}/", query or {})
    way = re.search(rf'href="(/accounts/oidc/{slug}/login/[^"]+)"', page.content.decode())
    assert way, page.content
    answer = client.get(unescape(way[1]))
    assert answer.status_code == 302, answer.content
    return answer.headers["Location"]


def through(
    provider: Idp, slug: str, sub: str, *, client: Client | None = None, invitation: str = ""
) -> tuple[Any, Any]:
    """From the tenant's sign-in to the provider and back: the browser, and the last answer."""
    client = client or Client()
    query = {"invitation": invitation} if invitation else {}
    return client, client.get(provider.approve(left(client, slug, query), sub))


def by_password(name: str, password: str = PASSWORD, **options: Any) -> Client:
    """Through the page, as a person does."""
    client = Client(**options)
    client.post("/accounts/login/", {"login": f"{name}@example.org", "password": password})
    return client


def code(secret: str, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def enrol(client: Client) -> str:
    """Set up the app on the phone; its secret."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    secret: str = client.get("/accounts/2fa/totp/activate/").context["form"].secret
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert answer.status_code == 302, answer.content
    return secret
