from django.contrib import admin
from django.db.models import Q
from django.utils import timezone

from apps.ownership import queries
from apps.ownership.alerts.inbound.integrations import revoke
from apps.ownership.channels.actions import remove_channel
from apps.ownership.models import (
    Absence,
    Alert,
    AlertMember,
    CalendarFeed,
    Channel,
    EscalationPolicy,
    FrozenDuty,
    Handover,
    InboundEvent,
    Incident,
    Integration,
    Maintenance,
    Notification,
    NotificationRule,
    OnCallEvent,
    OwnershipPeriod,
    PolicyVersion,
    Rota,
    RotaOverride,
    Rotation,
    RotationVersion,
    ShiftSwap,
    TeamOfThree,
    TemporarySchedule,
)
from apps.ownership.models.alerts import AlertState
from portal.admin import checklist
from portal.admin.base import TenantAdmin
from portal.admin.bulk import confirmed
from portal.admin.lenses import Lens
from portal.requests import InTenant


@admin.register(Rota)
class RotaAdmin(TenantAdmin):
    list_display = ["name", "team", "rank", "zone", "has_target", "frozen_until"]
    list_select_related = ["team"]
    ordering = ["name"]


@admin.register(Rotation)
class RotationAdmin(TenantAdmin):
    list_display = ["name", "rota", "priority", "created_at"]
    list_select_related = ["rota"]


@admin.register(RotationVersion)
class RotationVersionAdmin(TenantAdmin):
    list_display = ["rotation", "number", "unit", "length", "zone", "valid_from", "valid_to", "by"]
    list_select_related = ["rotation", "by"]
    ordering = ["-created_at"]


@admin.register(RotaOverride)
class RotaOverrideAdmin(TenantAdmin):
    list_display = ["rota", "change", "person", "instead_of", "start", "end", "by", "cancelled_at"]
    list_select_related = ["rota", "person", "instead_of", "by"]
    ordering = ["-start"]


@admin.register(TemporarySchedule)
class TemporaryScheduleAdmin(TenantAdmin):
    list_display = ["rota", "start", "end", "fallback", "reason", "by", "cancelled_at"]
    list_select_related = ["rota", "fallback", "by"]
    ordering = ["-start"]


@admin.register(ShiftSwap)
class ShiftSwapAdmin(TenantAdmin):
    list_display = ["version", "shift", "offered_by", "taken_by", "taken_at", "cancelled_at"]
    list_select_related = ["version", "offered_by", "taken_by"]
    ordering = ["-created_at"]


@admin.register(FrozenDuty)
class FrozenDutyAdmin(TenantAdmin):
    list_display = ["rota", "start", "end", "people"]
    list_select_related = ["rota"]
    ordering = ["-start"]


@admin.register(TeamOfThree)
class TeamOfThreeAdmin(TenantAdmin):
    list_display = ["workload", "job", "person", "created_at"]
    list_select_related = ["workload", "person"]


@admin.register(Handover)
class HandoverAdmin(TenantAdmin):
    list_display = ["workload", "to_owner", "to_team", "by", "created_at", "accepted_by", "ended_at"]
    list_select_related = ["workload", "to_owner", "to_team", "by", "accepted_by"]
    ordering = ["-created_at"]


@admin.register(OwnershipPeriod)
class OwnershipPeriodAdmin(TenantAdmin):
    list_display = ["workload", "owner", "team", "start", "end"]
    list_select_related = ["workload", "owner", "team"]
    ordering = ["-start"]


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(TenantAdmin):
    list_display = ["team", "created_at"]
    list_select_related = ["team"]


@admin.register(PolicyVersion)
class PolicyVersionAdmin(TenantAdmin):
    list_display = ["policy", "number", "repeats", "ack_timeout", "wakes", "by", "created_at"]
    list_select_related = ["policy", "by"]
    ordering = ["-created_at"]


@admin.register(Alert)
class AlertAdmin(TenantAdmin):
    lenses = (
        Lens(
            "open",
            "Open",
            lambda tenant_id, now: ~Q(state=AlertState.RESOLVED),
            says="Alerts that are open",
            rank=11,
        ),
        Lens(
            "nobody",
            "Open, and nobody has them",
            lambda tenant_id, now: Q(state=AlertState.TRIGGERED),
            says="Open alerts that nobody has acknowledged",
            rank=10,
        ),
    )
    list_display = ["summary", "severity", "state", "workload", "team", "source", "occurrences", "created_at"]
    list_filter = ["state", "severity", "source", "is_simulated"]
    list_select_related = ["workload", "team"]
    search_fields = ["summary", "key"]
    ordering = ["-created_at"]


@admin.register(AlertMember)
class AlertMemberAdmin(TenantAdmin):
    list_display = ["fingerprint", "alert", "started_at", "ended_at"]
    list_select_related = ["alert"]


@admin.register(OnCallEvent)
class OnCallEventAdmin(TenantAdmin):
    list_display = ["created_at", "kind", "alert", "incident", "actor"]
    list_select_related = ["alert", "incident"]
    ordering = ["-created_at"]


@admin.register(Incident)
class IncidentAdmin(TenantAdmin):
    list_display = ["title", "team", "workload", "commander", "crosses_teams", "created_at", "resolved_at"]
    list_select_related = ["team", "workload", "commander"]
    ordering = ["-created_at"]


@admin.register(Integration)
class IntegrationAdmin(TenantAdmin):
    list_display = ["name", "kind", "team", "workload", "created_by", "revoked_at"]
    list_select_related = ["team", "workload", "created_by"]
    actions = ["revoke_integrations"]

    @confirmed("Revoke: nothing comes in by it any more", happens="Whoever sends alerts by it is refused from now on.")
    def revoke_integrations(self, request: InTenant, integration: Integration, reason: str) -> None:
        if integration.revoked_at is None:
            revoke(integration=integration, actor=request.actor, now=timezone.now(), reason=reason)


@admin.register(InboundEvent)
class InboundEventAdmin(TenantAdmin):
    list_display = ["created_at", "integration", "key", "outcome"]
    list_filter = ["outcome"]
    list_select_related = ["integration"]
    ordering = ["-created_at"]


@admin.register(Maintenance)
class MaintenanceAdmin(TenantAdmin):
    list_display = ["workload", "start", "end", "reason", "by", "ended_at"]
    list_select_related = ["workload", "by"]
    ordering = ["-start"]


@admin.register(Channel)
class ChannelAdmin(TenantAdmin):
    """Addresses stay sealed: nobody reads them here."""

    list_display = ["name", "kind", "shown", "person", "team", "verified_at", "failing_since", "removed_at"]
    list_filter = ["kind"]
    list_select_related = ["person", "team"]
    exclude = ["sealed", "code_digest"]
    actions = ["remove_channels"]

    @confirmed("Remove: nothing goes there any more", happens="Pages of its person or team no longer go there.")
    def remove_channels(self, request: InTenant, channel: Channel, reason: str) -> None:
        """A tenant's admin may remove anybody's: a phone that was lost."""
        if channel.removed_at is None:
            remove_channel(channel=channel, actor=request.actor, now=timezone.now(), reason=reason)


@admin.register(NotificationRule)
class NotificationRuleAdmin(TenantAdmin):
    list_display = ["person", "channel", "urgency", "after"]
    list_select_related = ["person", "channel"]


@admin.register(Notification)
class NotificationAdmin(TenantAdmin):
    """The delivery log: who, how, when, with what outcome."""

    list_display = ["created_at", "urgency", "person", "channel", "state", "due_at", "sent_at", "attempts", "error"]
    list_filter = ["state", "urgency"]
    list_select_related = ["person", "channel"]
    ordering = ["-created_at"]


@admin.register(Absence)
class AbsenceAdmin(TenantAdmin):
    list_display = ["person", "start", "end", "note", "cancelled_at"]
    list_select_related = ["person"]
    ordering = ["-start"]


@admin.register(CalendarFeed)
class CalendarFeedAdmin(TenantAdmin):
    list_display = ["person", "rota", "created_at", "revoked_at"]
    list_select_related = ["person", "rota"]


checklist.register(
    checklist.Check(
        50,
        "A rota",
        lambda tenant_id, now: queries.rotas(tenant_id).exists(),
        "An ops lead makes one for a team: somebody has to be on call before anything is rolled out.",
        "create_rota",
    ),
    checklist.Check(
        60,
        "A proved way to reach somebody",
        lambda tenant_id, now: queries.has_proved_channel(tenant_id),
        "Everybody on call adds a phone or a mailbox and proves it.",
        "my_channels",
    ),
)
