"""What a user of a budget is called: as somebody named them, else by the beginning of their pseudonym."""

from apps.budgets.models import BudgetAlert, Subject


def name_of(alert: BudgetAlert) -> str:
    rows = Subject.objects.filter(tenant=alert.tenant_id, user_key=alert.user_key)
    return rows.values_list("label", flat=True).first() or f"user {alert.user_key[:8]}"
