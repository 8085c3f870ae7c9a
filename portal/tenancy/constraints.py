"""Row policies and same-tenant keys, declared on the model like any other constraint.

A table can't be added without them: :mod:`portal.tenancy.checks` refuses a tenant model that lacks one, and the
migration that creates the table creates the wall.
"""

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.constraints import BaseConstraint

CURRENT = "(select nullif(current_setting('portal.tenant_id', true), '')::uuid)"


class _SqlConstraint(BaseConstraint):
    """A constraint that is SQL run once the table stands, and SQL that takes it away again."""

    def forward(self, model: type[models.Model]) -> str:
        raise NotImplementedError

    def backward(self, model: type[models.Model]) -> str:
        raise NotImplementedError

    def constraint_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        if schema_editor is not None:
            schema_editor.deferred_sql.append(self.forward(model))
        return None

    def create_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        # Deferred to the end of the migration: a same-tenant key may point at a table created after this one.
        # Django runs what is returned here, or appends it to the deferred statements; neither takes None.
        self.constraint_sql(model, schema_editor)
        return "select 1"

    def remove_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        return self.backward(model)

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """The database judges; there is nothing to check on an unsaved row."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash(repr(self.deconstruct()))


class TenantPolicy(_SqlConstraint):
    """Only rows of the current tenant exist for the application's role (TEN-1).

    ``app`` is what portal_app may do at all: an append-only table leaves out update and delete. ``ops_columns``
    are the narrow columns in which a cross-tenant job finds what is due; ``ops`` is for the few tables that the
    platform operator keeps.
    """

    def __init__(
        self,
        *,
        name: str,
        app: str = "select, insert, update, delete",
        ops_columns: Sequence[str] = (),
        ops: str = "",
    ) -> None:
        super().__init__(name=name)
        self.app, self.ops_columns, self.ops = app, tuple(ops_columns), ops

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "app": self.app, "ops_columns": self.ops_columns, "ops": self.ops}

    def forward(self, model: type[models.Model]) -> str:
        return policy_sql(model._meta.db_table, app=self.app, ops_columns=self.ops_columns, ops=self.ops)

    def backward(self, model: type[models.Model]) -> str:
        table = model._meta.db_table
        return (
            f'drop policy tenant_isolation on "{table}"; drop policy platform on "{table}"; '
            f'revoke all on "{table}" from portal_app, portal_ops; '
            f'alter table "{table}" no force row level security; alter table "{table}" disable row level security'
        )


def policy_sql(
    table: str,
    *,
    app: str = "select, insert, update, delete",
    ops_columns: Sequence[str] = (),
    ops: str = "",
) -> str:
    """The wall around one table, as SQL. Also for tables a migration writes by hand (partitioned ones)."""
    grants = [f'grant {app} on "{table}" to portal_app'] if app else []
    if ops_columns:
        names = ", ".join(f'"{column}"' for column in ops_columns)
        grants.append(f'grant select ({names}) on "{table}" to portal_ops')
    if ops:
        grants.append(f'grant {ops} on "{table}" to portal_ops')
    return "; ".join(
        [
            f'alter table "{table}" enable row level security',
            f'alter table "{table}" force row level security',
            f'create policy tenant_isolation on "{table}" to portal_app '
            f"using (tenant_id = {CURRENT}) with check (tenant_id = {CURRENT})",
            f'create policy platform on "{table}" to portal_owner, portal_ops using (true) with check (true)',
            *grants,
        ]
    )


class KnownRow(_SqlConstraint):
    """A row is readable to whoever already names it: a token by its key, a membership by its user.

    The one exception to the tenant policy, for reading alone, and for a value that can't be guessed or that the
    session proves.
    """

    def __init__(self, *, field: str, setting: str, name: str) -> None:
        super().__init__(name=name)
        self.field, self.setting = field, setting

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "field": self.field, "setting": self.setting}

    def forward(self, model: type[models.Model]) -> str:
        column = model._meta.get_field(self.field).column  # type: ignore[union-attr]
        return (
            f'create policy known_row on "{model._meta.db_table}" for select to portal_app '
            f"using (\"{column}\"::text = (select nullif(current_setting('{self.setting}', true), '')))"
        )

    def backward(self, model: type[models.Model]) -> str:
        return f'drop policy known_row on "{model._meta.db_table}"'


class SameTenant(_SqlConstraint):
    """A foreign key that includes the tenant: a link across the line is refused by the database.

    A plain foreign key checks existence behind the row policies and so would be both a link and an oracle. ``via``
    names a link that both sides have and that has to agree: a version of the same workload.
    """

    def __init__(self, *, field: str, name: str, via: str = "") -> None:
        super().__init__(name=name)
        self.field, self.via = field, via

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "field": self.field, **({"via": self.via} if self.via else {})}

    def forward(self, model: type[models.Model]) -> str:
        field = model._meta.get_field(self.field)
        target = field.related_model._meta.db_table  # type: ignore[union-attr]
        via = f'"{self.via}_id", ' if self.via else ""
        return (
            f'alter table "{model._meta.db_table}" add constraint "{self.name}" '
            f'foreign key (tenant_id, {via}"{field.column}") references "{target}" (tenant_id, {via}id)'  # type: ignore[union-attr]
        )

    def backward(self, model: type[models.Model]) -> str:
        return f'alter table "{model._meta.db_table}" drop constraint "{self.name}"'


class MemberOfTenant(_SqlConstraint):
    """A link to a person that only a member of the row's tenant can fill: a grant to anybody else is refused."""

    def __init__(self, *, field: str, name: str) -> None:
        super().__init__(name=name)
        self.field = field

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "field": self.field}

    def forward(self, model: type[models.Model]) -> str:
        column = model._meta.get_field(self.field).column  # type: ignore[union-attr]
        return (
            f'alter table "{model._meta.db_table}" add constraint "{self.name}" '
            f'foreign key (tenant_id, "{column}") references tenants_membership (tenant_id, user_id)'
        )

    def backward(self, model: type[models.Model]) -> str:
        return f'alter table "{model._meta.db_table}" drop constraint "{self.name}"'


def walls(table: str, **policy: Any) -> list[BaseConstraint]:
    """The two constraints that each tenant table starts with: its policy and the key others point at."""
    return [
        TenantPolicy(name=f"{table}_tenant", **policy),
        models.UniqueConstraint(fields=["tenant", "id"], name=f"{table}_same_tenant_key"),
    ]
