"""Subscriptions to events over the API: for people with the right, and for their tokens."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.events import actions, presenter, queries
from apps.events.access import RIGHT, may_manage
from apps.events.catalogue import PREFIX, TYPES
from apps.events.models import Delivery, DeliveryState, Replay, State, Subscription
from apps.workloads.api import person_behind
from portal.access import requires
from portal.api import TenantView
from portal.errors import Invalid

WANTED_STATES = [(State.ACTIVE.value, "resume"), (State.PAUSED.value, "pause")]


class EventSubscriptionSerializer(serializers.ModelSerializer[Subscription]):
    created_by = serializers.EmailField(source="created_by.email", read_only=True)
    patterns = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(choices=State.choices)

    class Meta:
        model = Subscription
        fields = [
            "id",
            "name",
            "shown",
            "patterns",
            "state",
            "why",
            "cursor",
            "failures",
            "failing_since",
            "rest_until",
            "former_until",
            "created_by",
            "created_at",
        ]


class NewEventSubscriptionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    address = serializers.CharField(max_length=500)
    patterns = serializers.ListField(child=serializers.CharField(max_length=100), max_length=200)


class EventSubscriptionMadeSerializer(EventSubscriptionSerializer):
    signing_secret = serializers.CharField(help_text="Said this once: what events are signed with (Standard Webhooks).")

    class Meta(EventSubscriptionSerializer.Meta):
        fields = [*EventSubscriptionSerializer.Meta.fields, "signing_secret"]


class EventSubscriptionChangeSerializer(serializers.Serializer[Any]):
    """What isn't named stays as it is."""

    name = serializers.CharField(max_length=100, required=False)
    address = serializers.CharField(max_length=500, required=False)
    patterns = serializers.ListField(child=serializers.CharField(max_length=100), max_length=200, required=False)
    state = serializers.ChoiceField(choices=WANTED_STATES, required=False)
    resume_from = serializers.ChoiceField(
        choices=[("stop", "where it stopped"), ("now", "now")], default="stop", help_text="Counts with state active."
    )


class EventTypeSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    description = serializers.CharField()


class EventDeliverySerializer(serializers.ModelSerializer[Delivery]):
    type = serializers.SerializerMethodField()
    replay = serializers.IntegerField(source="run", help_text="The replay's number; 0 for what follows the trail.")
    sequence = serializers.IntegerField(source="seq", allow_null=True)
    event = serializers.UUIDField(help_text="The event's own id; `id` is the webhook-id.")
    state = serializers.ChoiceField(choices=DeliveryState.choices)

    class Meta:
        model = Delivery
        fields = [
            "id",
            "type",
            "event",
            "sequence",
            "replay",
            "state",
            "attempts",
            "due_at",
            "status",
            "answer",
            "created_at",
            "done_at",
        ]

    @extend_schema_field(serializers.CharField())
    def get_type(self, row: Delivery) -> str:
        return f"{PREFIX}{row.action}"


class EventAttemptSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    status = serializers.IntegerField(help_text="0: no answer.")
    ms = serializers.IntegerField()
    said = serializers.CharField()


class WholeEventDeliverySerializer(EventDeliverySerializer):
    tries = EventAttemptSerializer(many=True)
    body = serializers.CharField(help_text="What is signed and sent, to the byte.")

    class Meta(EventDeliverySerializer.Meta):
        fields = [*EventDeliverySerializer.Meta.fields, "tries", "body"]


class NewEventReplaySerializer(serializers.Serializer[Any]):
    """From a sequence number or from an instant until now."""

    from_sequence = serializers.IntegerField(min_value=1, required=False)
    from_time = serializers.DateTimeField(required=False)
    dry_run = serializers.BooleanField(default=False, help_text="Only say how many events it would be.")


class EventReplaySerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(source="replay.number", help_text="0 for one that was only counted.")
    first = serializers.IntegerField(source="replay.first")
    last = serializers.IntegerField(source="replay.last")
    total = serializers.IntegerField(source="replay.total")
    done = serializers.IntegerField()
    is_cancelled = serializers.BooleanField(source="replay.is_cancelled")


class TypesView(TenantView):
    @extend_schema(operation_id="list_event_types", responses=EventTypeSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        rows = [{"type": f"{PREFIX}{action}", "description": words} for action, words in sorted(TYPES.items())]
        return Response(EventTypeSerializer(rows, many=True).data)


class SubscriptionsView(TenantView):
    @extend_schema(operation_id="list_event_subscriptions", responses=EventSubscriptionSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(queries.subscriptions(self.tenant.id), EventSubscriptionSerializer, ("name", "id"))

    @extend_schema(
        operation_id="subscribe_to_events",
        request=NewEventSubscriptionSerializer,
        responses={201: EventSubscriptionMadeSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        me, now = person_behind(self, RIGHT), timezone.now()
        data = self.said(NewEventSubscriptionSerializer)
        made = actions.subscribe(tenant_id=self.tenant.id, by=me, actor=self.actor, now=now, **data)
        secret = actions.secret_of(made, now)
        return Response({**EventSubscriptionSerializer(made).data, "signing_secret": secret}, status=201)


class OneView(TenantView):
    """What stands below one subscription."""

    def row(self, subscription_id: UUID) -> Subscription:
        return queries.subscription(self.tenant.id, subscription_id)


class SubscriptionView(OneView):
    @extend_schema(operation_id="get_event_subscription", responses=EventSubscriptionSerializer)
    def get(self, request: Request, slug: str, subscription_id: UUID) -> Response:
        return Response(EventSubscriptionSerializer(self.row(subscription_id)).data)

    @extend_schema(
        operation_id="change_event_subscription",
        request=EventSubscriptionChangeSerializer,
        responses=EventSubscriptionSerializer,
    )
    def patch(self, request: Request, slug: str, subscription_id: UUID) -> Response:
        row, _ = self.row(subscription_id), person_behind(self, RIGHT)
        data = self.said(EventSubscriptionChangeSerializer)
        if data.keys() & {"name", "address", "patterns"}:
            row = actions.change(
                subscription=row,
                name=data.get("name", row.name),
                patterns=data.get("patterns", row.patterns),
                address=data.get("address", ""),
                actor=self.actor,
            )
        if data.get("state") == State.PAUSED:
            row = actions.pause(subscription=row, actor=self.actor)
        elif data.get("state") == State.ACTIVE:
            from_now = data["resume_from"] == "now"
            row = actions.resume(subscription=row, from_now=from_now, actor=self.actor, now=timezone.now())
        return Response(EventSubscriptionSerializer(row).data)

    @extend_schema(operation_id="remove_event_subscription", responses={204: None})
    def delete(self, request: Request, slug: str, subscription_id: UUID) -> Response:
        row, _ = self.row(subscription_id), person_behind(self, RIGHT)
        actions.remove(subscription=row, actor=self.actor, now=timezone.now())
        return Response(status=204)


class SendTestView(OneView):
    @extend_schema(operation_id="send_test_event", request=None, responses={201: EventDeliverySerializer})
    def post(self, request: Request, slug: str, subscription_id: UUID) -> Response:
        row, _ = self.row(subscription_id), person_behind(self, RIGHT)
        made = actions.send_test(subscription=row, actor=self.actor, now=timezone.now())
        return Response(EventDeliverySerializer(made).data, status=201)


class DeliveriesView(OneView):
    @extend_schema(
        operation_id="list_event_deliveries",
        parameters=[OpenApiParameter("state", OpenApiTypes.STR, enum=DeliveryState.values)],
        responses=EventDeliverySerializer(many=True),
    )
    def get(self, request: Request, slug: str, subscription_id: UUID) -> Response:
        rows = queries.deliveries(self.row(subscription_id), request.query_params.get("state", ""))
        return self.paged(rows, EventDeliverySerializer, ("-created_at", "-id"))


class DeliveryView(OneView):
    @extend_schema(operation_id="get_event_delivery", responses=WholeEventDeliverySerializer)
    def get(self, request: Request, slug: str, subscription_id: UUID, delivery_id: UUID) -> Response:
        found = queries.delivery(self.row(subscription_id), delivery_id)
        return Response(WholeEventDeliverySerializer(found).data)


class ResendView(OneView):
    @extend_schema(operation_id="resend_event", request=None, responses={201: EventDeliverySerializer})
    def post(self, request: Request, slug: str, subscription_id: UUID, delivery_id: UUID) -> Response:
        found = queries.delivery(self.row(subscription_id), delivery_id)
        me = person_behind(self, RIGHT)
        made = actions.resend(delivery=found, by=me, actor=self.actor, now=timezone.now())
        return Response(EventDeliverySerializer(made).data, status=201)


class ReplayView(OneView):
    @extend_schema(operation_id="list_event_replays", responses=EventReplaySerializer(many=True))
    def get(self, request: Request, slug: str, subscription_id: UUID) -> Response:
        """The last twenty, newest first."""
        row = self.row(subscription_id)
        found = presenter.progress(row, list(queries.replays(row)[:20]))
        return Response(EventReplaySerializer(found, many=True).data)

    @extend_schema(
        operation_id="replay_events",
        request=NewEventReplaySerializer,
        responses={200: EventReplaySerializer, 201: EventReplaySerializer},
    )
    def post(self, request: Request, slug: str, subscription_id: UUID) -> Response:
        row, me = self.row(subscription_id), person_behind(self, RIGHT)
        data = self.said(NewEventReplaySerializer)
        if ("from_sequence" in data) == ("from_time" in data):
            raise Invalid("from", "Say one of the two: from_sequence or from_time.")
        span = queries.span(row, first=data.get("from_sequence"), since=data.get("from_time"))
        if data["dry_run"]:
            planned = Replay(first=span.first, last=span.last, total=span.total, number=0)
            return Response(EventReplaySerializer(presenter.Progress(planned, 0)).data)
        made = actions.replay(subscription=row, span=span, by=me, actor=self.actor, now=timezone.now())
        return Response(EventReplaySerializer(presenter.Progress(made, 0)).data, status=201)

    @extend_schema(operation_id="cancel_event_replay", responses={204: None})
    def delete(self, request: Request, slug: str, subscription_id: UUID) -> Response:
        row, _ = self.row(subscription_id), person_behind(self, RIGHT)
        actions.cancel_replay(subscription=row, actor=self.actor, now=timezone.now())
        return Response(status=204)


_manages = requires(may_manage, RIGHT)
types = _manages(TypesView.as_view())
subscriptions = _manages(SubscriptionsView.as_view())
subscription = _manages(SubscriptionView.as_view())
test = _manages(SendTestView.as_view())
deliveries = _manages(DeliveriesView.as_view())
delivery = _manages(DeliveryView.as_view())
resend = _manages(ResendView.as_view())
replay = _manages(ReplayView.as_view())
