"""The fan-out over the API: the map's content as data, a page at a time."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.budgets.months import month_at
from apps.dispatch.fanout import presenter, queries
from apps.dispatch.fanout.facts import Specialist
from portal.access import member
from portal.api import TenantView

PAGE = 50


class DispatcherSerializer(serializers.Serializer[Any]):
    """``classifier`` is the version that answers, null where none does."""

    rules = serializers.IntegerField()
    classifier = serializers.IntegerField(allow_null=True)
    threshold = serializers.FloatField()


class AnsweringSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(source="label")
    model = serializers.CharField()


class FanOutTierSerializer(serializers.Serializer[Any]):
    """``ceiling`` is in tokens a user and month; null: this tier's users get the fallback."""

    tier = serializers.CharField(source="slug")
    ceiling = serializers.IntegerField(allow_null=True)
    pattern = serializers.CharField()
    is_opted_in = serializers.BooleanField()


class FanOutGateSerializer(serializers.Serializer[Any]):
    """``spend_cap`` is null where there is no gate; ``used`` is the share of it that is spent or held."""

    spend_cap = serializers.DecimalField(max_digits=14, decimal_places=2, allow_null=True, source="cap")
    currency = serializers.CharField()
    used = serializers.FloatField(allow_null=True, source="share")
    is_complete = serializers.BooleanField()
    is_reached = serializers.BooleanField()


class SpecialistSerializer(serializers.Serializer[Any]):
    """Who answers one workload's requests: ``rollout`` a ``share`` in percent, ``stable`` the rest; null: fallback."""

    workload = serializers.CharField(source="key")
    name = serializers.CharField()
    stage = serializers.CharField()
    stable = AnsweringSerializer(allow_null=True)
    rollout = AnsweringSerializer(allow_null=True)
    share = serializers.SerializerMethodField()
    fallback = serializers.CharField()
    budget_model = serializers.CharField()
    gate = FanOutGateSerializer()
    tiers = FanOutTierSerializer(many=True)
    finding = serializers.CharField(help_text="AP-01 in words; empty where there is none.")

    def get_share(self, row: Specialist) -> float:
        return row.share / 100


class FanOutSerializer(serializers.Serializer[Any]):
    """``dispatcher`` is null for whoever may not read the classifier."""

    sentence = serializers.CharField()
    month = serializers.CharField()
    dispatcher = DispatcherSerializer(allow_null=True)
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = SpecialistSerializer(many=True)


class FanOutView(TenantView):
    @extend_schema(operation_id="get_fan_out", parameters=[OpenApiParameter("page", int)], responses=FanOutSerializer)
    def get(self, request: Request, slug: str) -> Response:
        now, tenant_id = timezone.now(), self.tenant.id
        month = month_at(now, self.tenant.time_zone)
        rows, found = queries.seen(tenant_id, self.actor, month.key), queries.monoliths(tenant_id)
        pages = PageNumberPagination()
        pages.page_size = PAGE
        page = pages.paginate_queryset(rows, request, self) or []
        drawn = queries.drawn(tenant_id, page, found, frozenset(row.id for row in rows), now)
        shown = {
            "sentence": presenter.sentence(queries.whole(rows, found)),
            "month": month.key,
            "dispatcher": queries.dispatcher(tenant_id, self.actor),
            "count": len(rows),
            "next": pages.get_next_link(),
            "previous": pages.get_previous_link(),
            "results": drawn,
        }
        return Response(FanOutSerializer(shown).data)


fan_out = member(FanOutView.as_view())
