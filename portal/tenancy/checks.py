"""System checks: a tenant table without its walls stops every command."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register
from django.db import models

from portal.tenancy.constraints import SameTenant, TenantPolicy
from portal.tenancy.models import TenantModel


@register("portal")
def walls_stand(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Each tenant model has a row policy, a same-tenant key for each link, and tenant-leading unique keys."""
    found = (m for m in apps.get_models(include_auto_created=True) if is_tenant_model(m))
    return [error for model in found for error in _errors(model)]


def is_tenant_model(model: type[models.Model]) -> bool:
    """A model whose rows belong to a tenant: by inheritance, or by a policy on somebody else's base."""
    return issubclass(model, TenantModel) or any(isinstance(c, TenantPolicy) for c in model._meta.constraints)


def _errors(model: type[models.Model]) -> Iterator[CheckMessage]:
    constraints = model._meta.constraints
    if not any(isinstance(c, TenantPolicy) for c in constraints):
        yield Error(
            "A tenant model without a row policy.",
            hint="Start constraints with walls().",
            obj=model,
            id="portal.E001",
        )
    linked = {c.field for c in constraints if isinstance(c, SameTenant)}
    for field in model._meta.local_fields:
        if _needs_key(field) and field.name not in linked:
            yield Error(f"{field.name} can link across tenants.", hint="Add SameTenant.", obj=model, id="portal.E002")
        if field.unique and not field.primary_key:
            yield Error(
                f"{field.name} is unique across tenants.",
                hint="Lead with the tenant.",
                obj=model,
                id="portal.E003",
            )
    for constraint in constraints:
        if isinstance(constraint, models.UniqueConstraint) and constraint.fields[:1] != ("tenant",):
            yield Error(f"{constraint.name} doesn't lead with the tenant.", obj=model, id="portal.E003")


def _needs_key(field: "models.Field[Any, Any]") -> bool:
    target = field.related_model
    return isinstance(target, type) and is_tenant_model(target)
