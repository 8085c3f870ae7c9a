"""The tenant's own rate card: dated rows that count before the bundled list (COST-4, COST-8)."""

from django.db import models
from django.db.models import Q

from apps.pricing.rules import CURRENCY, LONGEST_MODEL, LONGEST_NOTE, MOST, PLACES, Price
from portal.tenancy.constraints import MemberOfTenant, walls
from portal.tenancy.models import TenantModel

DIGITS = 7 + PLACES


def _sane(field: str) -> Q:
    return Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__gte": 0, f"{field}__lte": MOST})


class ModelPrice(TenantModel):
    """What a model costs here, per million tokens, from 00:00 UTC of a day on and until the next row of that model.

    An amount that is null is not known: such a row takes the bundled list's price away, and puts none in its place.
    """

    model = models.CharField(max_length=LONGEST_MODEL)
    valid_from = models.DateField()
    input_per_million = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES, null=True)
    output_per_million = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES, null=True)
    cached_input_per_million = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES, null=True)
    currency = models.CharField(max_length=3, default=CURRENCY, editable=False)
    note = models.CharField(max_length=LONGEST_NOTE, blank=True)
    set_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("pricing_modelprice"),
            MemberOfTenant(field="set_by", name="pricing_modelprice_set_by_fk"),
            # Also the index behind every look-up: the latest row of a model up to a day.
            models.UniqueConstraint(fields=["tenant", "model", "valid_from"], name="pricing_modelprice_day"),
            models.CheckConstraint(condition=~Q(model=""), name="pricing_modelprice_named"),
            models.CheckConstraint(condition=Q(currency=CURRENCY), name="pricing_modelprice_currency"),
            models.CheckConstraint(
                condition=_sane("input_per_million") & _sane("output_per_million") & _sane("cached_input_per_million"),
                name="pricing_modelprice_amounts",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-valid_from", "-id"], name="pricing_modelprice_recent")]

    def __str__(self) -> str:
        return f"{self.model} from {self.valid_from}"

    @property
    def price(self) -> Price:
        """As rules have it; ``set_by`` has to be there."""
        return Price(
            self.model,
            self.input_per_million,
            self.output_per_million,
            self.cached_input_per_million,
            self.valid_from,
            f"set here on {self.set_at:%Y-%m-%d} by {self.set_by.name}",
            self.currency,
        )
