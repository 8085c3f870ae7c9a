from django.contrib import admin
from django.urls import include, path

from portal import health, styleguide

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("styleguide/", styleguide.style_guide, name="style_guide"),
    path("admin/", admin.site.urls),
    path("accounts/", include("apps.accounts.urls")),
    path("", include("apps.tenants.urls")),
    path("", include("apps.workloads.urls")),
    path("", include("apps.approvals.urls")),
    path("", include("apps.ownership.urls")),
    path("", include("apps.runbooks.urls")),
    path("", include("apps.training.urls")),
    path("", include("apps.pricing.urls")),
    path("", include("apps.events.urls")),
    path("", include("apps.telemetry.urls")),
    path("", include("apps.gates.urls")),
    path("", include("apps.rollouts.urls")),
    path("", include("apps.budgets.urls")),
    path("", include("apps.dispatch.urls")),
    path("", include("apps.feedback.urls")),
    path("", include("apps.workspace.urls")),
    path("api/schema/", include("portal.schema_urls")),
]

handler400 = "portal.pages.bad_request"
handler403 = "portal.pages.forbidden"
handler404 = "portal.pages.not_found"
handler500 = "portal.pages.server_error"
handler429 = "apps.accounts.views.too_many"
