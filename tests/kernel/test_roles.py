"""Wrong role, no start: a connection that could bypass row policies is refused before it serves anything."""

import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from portal.local import paths
from portal.tenancy import roles
from tests.clients.server import environment


def test_a_role_that_is_not_the_expected_one_is_refused(db: None) -> None:
    connections["owner"].ensure_connection()
    with pytest.raises(ImproperlyConfigured, match=r"is portal_owner and not portal_app.*docs/operations.md"):
        roles.verify(connections["owner"], "portal_app")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("portal_app", "portal_app", True, False), "is the superuser portal_app"),
        (("portal_app", "portal_app", False, True), "may bypass row security"),
        (("somebody", "portal_app", False, False), "is somebody and not portal_app"),
        (("portal_app", "portal_app", False, False), ""),
    ],
)
def test_what_is_wrong_with_a_role_is_said(row: tuple[str, str, bool, bool], said: str) -> None:
    found: Any = roles._problem("portal_app", *row)
    assert said in found if said else found == ""


def test_a_process_under_a_wrong_role_does_not_start(db: None) -> None:
    script = (
        "from django.conf import settings; import django; django.setup();"
        "settings.DATABASES['default']['USER'] = 'portal_owner'; import portal.wsgi"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(DJANGO_SETTINGS_MODULE="portal.settings"),
        cwd=paths.PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78
    assert "is portal_owner and not portal_app" in done.stderr
    assert "Traceback" not in done.stderr
