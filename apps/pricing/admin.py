from django.contrib import admin

from apps.pricing.models import ModelPrice
from portal.admin.base import TenantAdmin


@admin.register(ModelPrice)
class ModelPriceAdmin(TenantAdmin):
    """To look at: prices are set on their page, by finance or a tenant admin."""

    list_display = [
        "model",
        "valid_from",
        "input_per_million",
        "output_per_million",
        "cached_input_per_million",
        "set_by",
        "set_at",
    ]
    list_select_related = ["set_by"]
    search_fields = ["model", "note"]
    ordering = ["-valid_from", "-id"]
