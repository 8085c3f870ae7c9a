"""The rate card over the API: what was set here, what models in use cost today, and the card as a file."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.pricing import actions, presenter, queries, views
from apps.pricing.access import SET
from apps.pricing.card import Wanted
from apps.pricing.models import DIGITS, ModelPrice
from apps.pricing.rules import LONGEST_MODEL, LONGEST_NOTE, MOST, PLACES, day_of
from apps.workloads.api import person_behind
from apps.workloads.queries import visible
from portal.api import TenantView

NEWEST = ("-valid_from", "-id")


class ModelPriceSerializer(serializers.ModelSerializer[ModelPrice]):
    set_by = serializers.EmailField(source="set_by.email")

    class Meta:
        model = ModelPrice
        fields = [
            "id",
            "model",
            "valid_from",
            "input_per_million",
            "output_per_million",
            "cached_input_per_million",
            "currency",
            "note",
            "set_by",
            "set_at",
        ]


class _Amount(serializers.DecimalField):
    """USD per million tokens; null is an amount that isn't known, and 0 is 0."""

    def __init__(self, **options: Any) -> None:
        bounds = {"max_digits": DIGITS, "decimal_places": PLACES, "min_value": 0, "max_value": MOST}
        super().__init__(**{**bounds, "allow_null": True, **options})


class NewModelPriceSerializer(serializers.Serializer[Any]):
    model = serializers.CharField(max_length=LONGEST_MODEL)
    valid_from = serializers.DateField()
    input_per_million = _Amount()
    output_per_million = _Amount()
    cached_input_per_million = _Amount(default=None)
    note = serializers.CharField(max_length=LONGEST_NOTE, allow_blank=True, default="")
    reason = serializers.CharField(max_length=300)


class PriceInUseSerializer(serializers.Serializer[Any]):
    """What a model costs today; ``source`` says where that stands, and ``next`` when it changes here."""

    model = serializers.CharField()
    workloads = serializers.ListField(child=serializers.CharField())
    # The bundled list has amounts with more places than are set here.
    input_per_million = _Amount(source="price.input", max_digits=None, decimal_places=None)
    output_per_million = _Amount(source="price.output", max_digits=None, decimal_places=None)
    cached_input_per_million = _Amount(source="price.cached_input", max_digits=None, decimal_places=None)
    currency = serializers.CharField(source="price.currency")
    is_complete = serializers.BooleanField(source="price.is_complete")
    since = serializers.DateField(source="price.valid_from", allow_null=True)
    next = serializers.DateField(source="coming.valid_from", allow_null=True, default=None)
    source = serializers.CharField(source="price.source")  # type: ignore[assignment]


class PriceReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300)


class PriceFileSerializer(PriceReasonSerializer):
    file = serializers.FileField()


class ImportedPricesSerializer(serializers.Serializer[Any]):
    prices = serializers.IntegerField()


class PricesView(TenantView):
    @extend_schema(operation_id="list_prices", responses=ModelPriceSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(queries.own(self.tenant.id), ModelPriceSerializer, NEWEST)

    @extend_schema(operation_id="set_price", request=NewModelPriceSerializer, responses={201: ModelPriceSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """A price of the same model and day is replaced."""
        person, data = person_behind(self, SET), self.said(NewModelPriceSerializer)
        reason = data.pop("reason")
        amounts = {name: data.pop(f"{name}_per_million") for name in ("input", "output", "cached_input")}
        made = actions.set_price(
            tenant_id=self.tenant.id,
            wanted=Wanted(**data, **amounts),
            reason=reason,
            by=person,
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(ModelPriceSerializer(made).data, status=201)


class PriceView(TenantView):
    @extend_schema(operation_id="get_price", responses=ModelPriceSerializer)
    def get(self, request: Request, slug: str, price_id: UUID) -> Response:
        return Response(ModelPriceSerializer(queries.own_for(self.tenant.id, price_id)).data)


class ForgetPriceView(TenantView):
    @extend_schema(operation_id="forget_price", request=PriceReasonSerializer, responses={204: None})
    def post(self, request: Request, slug: str, price_id: UUID) -> Response:
        row, _ = queries.own_for(self.tenant.id, price_id), person_behind(self, SET)
        actions.forget_price(price=row, reason=self.said(PriceReasonSerializer)["reason"], actor=self.actor)
        return Response(status=204)


class PricesInUseView(TenantView):
    @extend_schema(operation_id="list_prices_in_use", responses=PriceInUseSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        day, tenant_id = day_of(timezone.now()), self.tenant.id
        used = queries.models_in_use(tenant_id, visible(tenant_id, self.actor))
        pages = PageNumberPagination()
        pages.page_size = 50
        names = pages.paginate_queryset(list(used), request, self) or []
        prices, coming = queries.prices(tenant_id, names, day), queries.to_come(tenant_id, names, day)
        rows = [presenter.Row(name, used[name], prices[name], coming.get(name)) for name in names]
        return pages.get_paginated_response(PriceInUseSerializer(rows, many=True).data)


class PricesFileView(TenantView):
    """Out with everything that was set here; in with all of a file's lines, or none."""

    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="export_prices", responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, slug: str) -> HttpResponse:
        return views.file(self.tenant.slug, queries.in_order(self.tenant.id))

    @extend_schema(operation_id="import_prices", request=PriceFileSerializer, responses=ImportedPricesSerializer)
    def post(self, request: Request, slug: str) -> Response:
        person, data = person_behind(self, SET), self.said(PriceFileSerializer)
        made = actions.import_prices(
            tenant_id=self.tenant.id,
            file=data["file"].file,
            reason=data["reason"],
            by=person,
            actor=self.actor,
            now=timezone.now(),
        )
        return Response({"prices": len(made)})


prices = views.reads(PricesView.as_view())
price = views.reads(PriceView.as_view())
forget = views.reads(ForgetPriceView.as_view())
in_use = views.reads(PricesInUseView.as_view())
csv_file = views.reads(PricesFileView.as_view())
