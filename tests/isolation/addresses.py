"""Every address that the resolver knows, and a path to it in one tenant."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

# Django's own sign-in, admin and schema pages; each declares nothing and is walked by name below.
OTHERS = ("accounts/", "admin/", "api/schema/")


@dataclass(frozen=True)
class Address:
    route: str
    view: Any

    @property
    def is_tenants(self) -> bool:
        return self.route.startswith(("t/", "api/v1/t/"))

    def path(self, slug: str, ids: dict[str, object]) -> str:
        found = self.route.replace("<slug:slug>", slug)
        for name, value in ids.items():
            for kind in ("str", "uuid", "slug", "int"):
                found = found.replace(f"<{kind}:{name}>", str(value))
        assert "<" not in found, f"the walk knows no value for {found}"
        return f"/{found}"


def addresses(patterns: Any = None, prefix: str = "") -> Iterator[Address]:
    for pattern in patterns or get_resolver().url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield Address(route, pattern.callback)


OURS = [address for address in addresses() if not address.route.startswith(OTHERS)]
TENANTS = [address for address in OURS if address.is_tenants]
