"""What a person keeps for themselves: filters of lists, and that they need no first steps any more."""

from django.db import models

from apps.workspace.rules import PAGES
from portal.tenancy.constraints import MemberOfTenant, walls
from portal.tenancy.models import TenantModel


class SavedFilter(TenantModel):
    """A list as somebody looks at it often, by a name of their own. ``about`` is the key of the workload whose list it
    is, where each has one; ``query`` holds only what the page knows.
    """

    person = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    page = models.CharField(max_length=20, choices=[(name, page.label) for name, page in PAGES.items()])
    about = models.CharField(max_length=60, blank=True)
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=200)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("workspace_savedfilter", app="select, insert, delete"),
            MemberOfTenant(field="person", name="workspace_savedfilter_person_fk"),
            models.UniqueConstraint(
                fields=["tenant", "person", "page", "about", "name"], name="workspace_savedfilter_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Dismissal(TenantModel):
    """Somebody doesn't want to see the first steps any more."""

    person = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("workspace_dismissal", app="select, insert, delete"),
            MemberOfTenant(field="person", name="workspace_dismissal_person_fk"),
            models.UniqueConstraint(fields=["tenant", "person"], name="workspace_dismissal_once"),
        ]

    def __str__(self) -> str:
        return str(self.person_id)
