"""Make the demo tenants, and say how to sign in."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from demo import data
from portal.local import paths


class Command(BaseCommand):
    help = "Makes what is missing of the demo tenants, and prints the sign-ins."

    def handle(self, *args: Any, **options: Any) -> None:
        data.build(now=timezone.now(), tokens_file=paths.state_dir() / "demo-tokens.json")
        slug = data.TENANTS[0][0]
        self.stdout.write(f"Sign in with the password {data.PASSWORD} as, for example:")
        for login, name, roles in data.PEOPLE:
            shown = ", ".join(role.label for role in roles)
            self.stdout.write(f"  {data.email(login, slug):28} {name:18} {shown}")
        others = ", ".join(f"...@{other[0]}.example" for other in data.TENANTS[1:])
        self.stdout.write(f"The same people exist in the other tenant, as {others}.")
