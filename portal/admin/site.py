"""The admin site: nothing opens before a tenant is chosen with a reason."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.views.generic import RedirectView
from unfold.sites import UnfoldAdminSite

from portal.admin import pages
from portal.admin.dashboard import figures
from portal.admin.pages import Page

# Django's own pages for a password, whose names its templates link to.
_PASSWORD_PAGES = {"password_change": "password_change/", "password_change_done": "password_change/done/"}


class PortalAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """Takes only classes that were written for one tenant at a time; what packages register is left out."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        from portal.admin.base import GuardedAdmin

        if admin_class is not None and issubclass(admin_class, GuardedAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """A session is open in a tenant; the middleware has checked who opened it, on this very request."""
        return getattr(request, "tenant", None) is not None and getattr(request, "admin_session", None) is not None

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return redirect("admin:choose_tenant")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        session = getattr(request, "admin_session", None)
        title = f"{request.tenant.name} until {session.until:%H:%M} UTC" if session else "Causeway"  # type: ignore[attr-defined]
        return {**super().each_context(request), "site_header": title, "site_title": title}

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from portal.admin import views

        # Django's own would change a password without a limit on guesses, an entry in the trail or a mail, and in a
        # session that a tenant's provider vouched for. There is one place for it, which refuses such sessions.
        elsewhere = RedirectView.as_view(pattern_name="account_change_password")
        theirs = [each for each in super().get_urls() if getattr(each, "name", None) not in _PASSWORD_PAGES]
        own = [
            path("tenant/", views.choose_tenant, name="choose_tenant"),
            path("tenant/leave/", views.leave_tenant, name="leave_tenant"),
            *(path(address, elsewhere, name=name) for name, address in _PASSWORD_PAGES.items()),
            *(path(page.path, self._view(page), name=page.name) for page in pages.every()),
        ]
        return [*own, *theirs]

    def _view(self, page: Page) -> Any:
        return page.view if page.is_outside else self.admin_view(pages.guarded(page))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """The pages that are no tables first, as an app of their own."""
        tables: list[dict[str, Any]] = super().get_app_list(request, app_label)
        rows = [
            {"name": page.label, "object_name": page.name, "admin_url": pages.address(page), "view_only": True}
            for page in pages.listed(request)
        ]
        own = {"name": "Overview", "app_label": "overview", "app_url": reverse("admin:index"), "models": rows}
        return tables if app_label else [own, *tables]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        found = figures(self, request, timezone.now())
        loud = [figure for figure in found if figure.count]
        context = {"loud": loud, "quiet": found[len(loud) :], "title": "What wants a look"}
        return super().index(request, {**context, **(extra_context or {})})  # type: ignore[no-any-return]

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect(reverse("account_logout"))
