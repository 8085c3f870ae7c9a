from django.contrib import admin

from apps.ownership.models import (
    FrozenDuty,
    Handover,
    OwnershipPeriod,
    Rota,
    RotaOverride,
    Rotation,
    RotationVersion,
    ShiftSwap,
    TeamOfThree,
    TemporarySchedule,
)
from portal.admin.base import TenantAdmin


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
