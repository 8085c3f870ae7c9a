"""The API's base view."""

from typing import Any

from rest_framework.views import APIView

from portal.actor import Actor


class TenantView(APIView):
    """An endpoint under ``/api/v1/t/<slug>/``: ``self.tenant`` and ``self.actor`` are there and checked."""

    @property
    def tenant(self) -> Any:
        return self.request._request.tenant  # type: ignore[attr-defined]

    @property
    def actor(self) -> Actor:
        return self.request._request.actor  # type: ignore[attr-defined, no-any-return]
