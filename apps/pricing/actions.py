"""Set what a model costs from a day on, and forget it again (COST-4). The rate card is written by one at a time.

The decision path keeps prices in its snapshot: each change moves the tenant's configuration version.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

from apps.accounts.models import User
from apps.audit.actions import record
from apps.pricing.access import refuse_others
from apps.pricing.card import Wanted, problems, read, text_of
from apps.pricing.models import ModelPrice
from apps.pricing.queries import own
from apps.pricing.rules import day_of
from apps.tenants.actions import bump_config
from portal.actor import Actor
from portal.errors import Invalid, NotFound
from portal.reasons import given
from portal.tenancy.locks import one_at_a_time

LOCK = "pricing"


def set_price(*, tenant_id: UUID, wanted: Wanted, reason: str, by: User, actor: Actor, now: datetime) -> ModelPrice:
    """Say what a model costs from a day on; a row of that day is corrected, and the former stands in the audit trail.

    Raises:
        Forbidden: neither finance nor a tenant admin.
        Invalid: no reason, or a price that can't be; ``problems`` names each.
    """
    (made,) = set_prices(tenant_id=tenant_id, wanted=[wanted], reason=reason, by=by, actor=actor, now=now)
    return made


def set_prices(
    *, tenant_id: UUID, wanted: Sequence[Wanted], reason: str, by: User, actor: Actor, now: datetime
) -> list[ModelPrice]:
    """Several at once, all or none. What stands already as it is wanted stays untouched.

    Raises:
        Forbidden, Invalid: as :func:`set_price`.
    """
    refuse_others(actor)
    why = given(reason)
    found = problems(wanted, day_of(now))
    if found:
        raise Invalid("price_invalid", " ".join(found), problems=found)
    one_at_a_time(tenant_id, LOCK)
    written = [(row, before, _told(row)) for row, before in (_write(tenant_id, each, by, now) for each in wanted)]
    changed = [(row, before, after) for row, before, after in written if before != after]
    if changed:
        bump_config(tenant_id)
    for row, before, after in changed:
        record(actor=actor, action="price.set", obj=row, before=before, after=after, reason=why)
    return [row for row, _, _ in written]


def import_prices(
    *, tenant_id: UUID, file: BinaryIO, reason: str, by: User, actor: Actor, now: datetime
) -> list[ModelPrice]:
    """A file's prices, all or none (:mod:`apps.pricing.card`).

    Raises:
        Forbidden, Invalid: as :func:`set_price`; ``problems`` names each line that is wrong.
        TooLarge: the file.
    """
    refuse_others(actor)
    wanted = read(text_of(file), day_of(now))
    return set_prices(tenant_id=tenant_id, wanted=wanted, reason=reason, by=by, actor=actor, now=now)


def forget_price(*, price: ModelPrice, reason: str, actor: Actor) -> None:
    """Take a row away: on its days the one before it counts again, or the bundled list. What was settled stays.

    Raises:
        Forbidden: neither finance nor a tenant admin.
        NotFound: somebody forgot it meanwhile.
    """
    refuse_others(actor)
    why = given(reason)
    one_at_a_time(price.tenant_id, LOCK)
    row = own(price.tenant_id).filter(id=price.id).first()
    if row is None:
        raise NotFound()
    ModelPrice.objects.filter(tenant=price.tenant_id, id=price.id).delete()
    bump_config(price.tenant_id)
    record(actor=actor, action="price.forgotten", obj=row, before=_told(row), reason=why)


def _write(tenant_id: UUID, wanted: Wanted, by: User, now: datetime) -> tuple[ModelPrice, dict[str, Any] | None]:
    """The row as it is wanted, and what it said before; None where there was none."""
    row = own(tenant_id).filter(model=wanted.model, valid_from=wanted.valid_from).first()
    if row is None:
        day = {"model": wanted.model, "valid_from": wanted.valid_from}
        return ModelPrice.objects.create(tenant_id=tenant_id, **day, **wanted.columns, set_by=by, set_at=now), None
    before = _told(row)
    if any(getattr(row, name) != value for name, value in wanted.columns.items()):
        for name, value in {**wanted.columns, "set_by": by, "set_at": now}.items():
            setattr(row, name, value)
        row.save(update_fields=[*wanted.columns, "set_by", "set_at"])
    return row, before


def _told(row: ModelPrice) -> dict[str, Any]:
    """As the audit trail says it: amounts as texts, which are exact, and None for what isn't known."""
    amounts = zip(("input", "output", "cached_input"), row.price.texts, strict=True)
    told = {name: text or None for name, text in amounts}
    return {"model": row.model, "valid_from": row.valid_from.isoformat(), **told, "note": row.note}
