"""What a request carries once the middleware has passed it on, for the type checker and the reader."""

from typing import Any

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from portal.actor import Actor
from portal.directory import TenantLike


class SignedIn(HttpRequest):
    user: Any
    htmx: HtmxDetails


class InTenant(SignedIn):
    tenant: TenantLike
    actor: Actor
