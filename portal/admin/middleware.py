"""Puts a request under ``/admin/`` into the tenant that was opened, and checks the right to it each time anew."""

from contextlib import nullcontext

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from portal.admin import session
from portal.admin.views import refuse_others
from portal.directory import directory
from portal.errors import Forbidden, NotFound
from portal.middleware import Handler
from portal.tenancy.context import platform_work, tenant_transaction


class AdminTenantMiddleware:
    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        inside = request.path_info.startswith("/admin/") and not request.path_info.startswith("/admin/tenant/")
        found = session.read(request, timezone.now()) if inside and request.user.is_authenticated else None
        if found is None:
            return self.get_response(request)
        response = self._inside(request, found)
        if response is None:
            session.end(request)
            return self.get_response(request)
        return response

    def _inside(self, request: HttpRequest, found: session.AdminSession) -> HttpResponseBase | None:
        """The answer from inside the tenant; None to whoever may not go there any more."""
        tenant = directory().find_tenant(found.slug)
        if tenant is None:
            return None
        with tenant_transaction(tenant.id):
            try:
                refuse_others(request, tenant)
            except (NotFound, Forbidden):
                return None
            request.admin_session, request.tenant = found, tenant  # type: ignore[attr-defined]
            request.actor = session.operator(request.user)  # type: ignore[attr-defined]
            # Tenants and users are read across tenants, by operators alone.
            request.operates = directory().operates(request.user, directory().sign_in(request))  # type: ignore[attr-defined]
            with platform_work("admin") if request.operates else nullcontext():  # type: ignore[attr-defined]
                response = self.get_response(request)
            if response.status_code >= 400:
                transaction.set_rollback(True)
        return response
