"""The web application. It connects once before it serves, so that a wrong database role never serves a page."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()

from portal.health import refuse_wrong_roles  # noqa: E402

refuse_wrong_roles()
