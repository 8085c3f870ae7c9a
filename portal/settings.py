"""All settings. Values come from the environment through :mod:`portal.env`; without ``DATABASE_URL`` this is local
mode, where :mod:`portal.local` keeps PostgreSQL and Redis on Unix sockets.
"""

import os
import sys
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from portal import env
from portal.local import paths

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL = "DATABASE_URL" not in os.environ and "DATABASE_URL_FILE" not in os.environ
TESTING = "pytest" in sys.modules
DEBUG = env.flag("DEBUG", default=False)

# --- Secrets and hosts -------------------------------------------------------------------------------------------

# A key that everybody knows is fine on a loopback address with generated data, and nowhere else.
SECRET_KEY = env.text("SECRET_KEY", "local-mode-only-" + "0" * 40 if LOCAL else None)
TOKEN_PEPPER = env.text("TOKEN_PEPPER", SECRET_KEY)
# The first seals stored secrets, all of them open: put a new one in front to change it.
SEALING_KEYS = env.words("SEALING_KEYS", [SECRET_KEY])
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]", "testserver"] if LOCAL else [])
if not LOCAL and not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set: name the portal's host names, separated by commas.")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", [])
HTTPS = env.flag("HTTPS", default=not LOCAL)
# How many proxies in front append to X-Forwarded-For; 0 trusts the socket alone.
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0)

# --- Applications ------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "portal.admin.config.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "guardian",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "django_htmx",
    "template_partials",
    "portal",
    "apps.accounts",
    "apps.tenants",
    "apps.audit",
    "apps.workloads",
    "apps.approvals",
    "apps.ownership",
    "apps.runbooks",
    "apps.training",
    "apps.pricing",
    "apps.budgets",
    "apps.events",
    "apps.telemetry",
    "apps.gates",
    "apps.rollouts",
    "apps.dispatch",
    "apps.feedback",
    "apps.workspace",
    "demo",
]

MIDDLEWARE = [
    "portal.middleware.RequestMiddleware",
    "portal.middleware.ProtocolMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.accounts.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.middleware.AdminPolicyMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.TenantMiddleware",
    "portal.admin.middleware.AdminTenantMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.pages.context",
            ],
        },
    }
]

# --- Database: three roles, one database (portal.tenancy) ---------------------------------------------------------

# A statement that runs for half a minute inside a request is a fault; a transaction left open holds row locks.
_GUC = "-c timezone=UTC -c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000"


def _connection(role: str, variable: str) -> dict[str, Any]:
    if LOCAL:
        base: dict[str, Any] = {
            "NAME": paths.DATABASE_NAME,
            "USER": role,
            "HOST": str(paths.postgres_socket_dir()),
        }
    else:
        base = env.database(variable)
    options = {"options": _GUC if role != "portal_owner" else "-c timezone=UTC", "application_name": role}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": env.integer("CONN_MAX_AGE", 600),
        **base,
        "OPTIONS": {**base.get("OPTIONS", {}), **options},
        "TEST": {"DEPENDENCIES": []} if role == "portal_owner" else {"MIRROR": "owner"},
    }


DATABASES = {
    "default": _connection("portal_app", "DATABASE_URL"),
    "ops": _connection("portal_ops", "OPS_DATABASE_URL"),
}
# Only migrations need the owner; web and workers run without its credential.
if LOCAL or env.optional("OWNER_DATABASE_URL"):
    DATABASES["owner"] = _connection("portal_owner", "OWNER_DATABASE_URL")
DATABASE_ROUTERS = ["portal.routers.OwnerMigrates"]

# --- Redis and Celery --------------------------------------------------------------------------------------------

REDIS_URL = paths.redis_url() if LOCAL else env.text("REDIS_URL")
# The cache holds what sign-in counts: failures, used codes. It has to be one for all web processes and to be there
# whenever people can sign in at all, so it is a table: with Redis away nobody would get in, or anybody could guess on.
# Room for many, since making room would forget what an attacker wants forgotten.
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    },
}

CELERY_BROKER_URL = (
    REDIS_URL.replace("unix://", "redis+socket://") if LOCAL else env.optional("BROKER_URL") or REDIS_URL
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 120
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Above the longest task, and swept often: a task that a dead worker held runs again within minutes. Nothing depends
# on it, since each tick finds what is due by a query.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
}
# How often the rollouts are looked at, in seconds. Checks are due each minute (ROLL-11); demo data asks for less.
TICK_SECONDS = env.integer("TICK_SECONDS", 2, least=1)
CELERY_BEAT_SCHEDULE = {
    "rollouts": {
        "task": "rollouts.tick",
        "schedule": TICK_SECONDS,
        "options": {"expires": 10 * TICK_SECONDS},
    },
    "approvals": {"task": "approvals.tick", "schedule": 60.0, "options": {"expires": 300}},
    "holds": {"task": "budgets.tick", "schedule": 15.0, "options": {"expires": 60}},
    "records-that-settle": {"task": "budgets.tick_reported", "schedule": 2.0, "options": {"expires": 10}},
    "ledgers": {"task": "budgets.keep", "schedule": crontab(minute="*/10"), "options": {"expires": 600}},
    "gates": {"task": "gates.tick", "schedule": 60.0, "options": {"expires": 300}},
    "rotas": {"task": "ownership.tick", "schedule": 60.0, "options": {"expires": 300}},
    "feedback": {"task": "feedback.tick", "schedule": 5.0, "options": {"expires": 30}},
    "classifiers": {"task": "dispatch.tick", "schedule": 5.0, "options": {"expires": 30}},
    "trust": {"task": "feedback.trust", "schedule": crontab(minute="*/5"), "options": {"expires": 300}},
    "inbound-log": {"task": "ownership.prune", "schedule": crontab(minute=41)},
    "delivered-messages": {"task": "outbox.prune", "schedule": crontab(minute=47)},
    "events-log": {"task": "events.prune", "schedule": crontab(minute=53)},
    "outbox": {"task": "outbox.tick", "schedule": 1.0, "options": {"expires": 10}},
    "partitions": {"task": "telemetry.keep_partitions", "schedule": crontab(minute=7)},
    "audit-heads": {"task": "audit.publish_heads", "schedule": crontab(minute=23)},
}

# --- Sign-in -----------------------------------------------------------------------------------------------------

TENANT_DIRECTORY = "apps.tenants.directory"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = [
    # Made cheap for the suite, which signs hundreds of people in.
    *(["django.contrib.auth.hashers.MD5PasswordHasher"] if TESTING else []),
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "apps.accounts.passwords.StrengthValidator"},
    {"NAME": "apps.accounts.passwords.LeakedPasswordValidator"},
]
# SHA-1 hashes of leaked passwords, sorted, "HASH:count" a line, as Have I Been Pwned's downloader writes them.
LEAKED_PASSWORDS_FILE = env.file("LEAKED_PASSWORDS_FILE")
ACCOUNT_ADAPTER = "apps.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_SESSION_REMEMBER = False
# Failures are counted by address, known or not, and by network. The next window is longer each time, so guessing slows
# down before it stops for a day; what is refused isn't even compared, so the true password tells nothing either.
ACCOUNT_RATE_LIMITS = {
    "login_failed": "5/m/key,10/15m/key,20/h/key,50/d/key,30/m/ip,200/h/ip",
    "login": "60/m/ip",
    "reset_password": "10/m/ip,3/15m/key",
}
MFA_ADAPTER = "apps.accounts.adapter.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Causeway"
# A code that ran out while it was sent still counts: one step either way, as RFC 6238 (5.2, 6) advises.
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
# Browsers allow security keys on http for localhost alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
# Whether the admin, approvals and break-glass need a second factor, or only recommend one.
SECOND_FACTOR = env.choice("SECOND_FACTOR", "offered" if LOCAL else "required", ("required", "offered"))
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None
EMAIL_BACKEND = env.text("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "causeway@localhost")
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", 25, least=1)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=False)
EMAIL_TIMEOUT = 10

# --- Messages out ------------------------------------------------------------------------------------------------

# Where people reach the portal: the links in messages begin with it.
PUBLIC_URL = env.text("PUBLIC_URL", paths.address() if LOCAL else None).rstrip("/")
# Hosts that webhooks may go to ("hooks.example.com", ".example.com" for all below it); empty: any public one.
OUTBOUND_HOSTS = env.words("OUTBOUND_HOSTS", [])
# Networks that are private and allowed all the same, like "10.20.0.0/16"; plain http is allowed there alone.
OUTBOUND_NETWORKS = env.words("OUTBOUND_NETWORKS", [])
# Called after each audit of the pages that found nothing wrong, for a watchdog outside to miss; empty: not called.
HEARTBEAT_URL = env.text("HEARTBEAT_URL", "")

# --- Browser security --------------------------------------------------------------------------------------------

_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_PREFIX}session"
CSRF_COOKIE_NAME = f"{_PREFIX}csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_ENGINE = "apps.accounts.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 12
SECURE_SSL_REDIRECT = HTTPS and env.flag("SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# --- Static files, language, time --------------------------------------------------------------------------------

STATIC_URL = "/static/"
# Local mode serves the files from where they are.
STATIC_ROOT = None if LOCAL else BASE_DIR / "static_collected"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = LOCAL
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# English is complete and the source; docs/translating.md says how another language is added.
LANGUAGE_CODE = "en-gb"
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

# --- API ---------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.authentication.SessionOrToken"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.problems.handle",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Causeway",
    "DESCRIPTION": "From a pilot that worked once to production that keeps working.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1/t/{slug}",
    "ENUM_NAME_OVERRIDES": {
        "RolloutState": "apps.rollouts.models.STATES",
        "ApprovalState": "apps.approvals.models.State.choices",
        "RotaChange": "apps.ownership.models.CHANGES",
        "AlertSource": "apps.ownership.models.alerts.Source.choices",
        "AlertState": "apps.ownership.models.alerts.AlertState.choices",
        "AlertSeverity": "apps.ownership.models.alerts.Severity.choices",
        "IntegrationKind": "apps.ownership.models.alerts.INTEGRATIONS",
        "ChannelKind": "apps.ownership.models.channels.ChannelKind.choices",
        "ReportState": "apps.feedback.models.REPORT_STATES",
        "ReportSeverity": "apps.feedback.models.REPORT_SEVERITIES",
        "ReportSource": "apps.feedback.models.Source.choices",
        "SubscriptionState": "apps.events.models.State.choices",
        "DeliveryState": "apps.events.models.DeliveryState.choices",
        "DrillKind": "apps.runbooks.models.KINDS",
        "Stage": "apps.workloads.policy.Stage.choices",
        "Shape": "apps.workloads.policy.Shape.choices",
        "Sensitivity": "apps.workloads.policy.Sensitivity.choices",
    },
}
# After decompression; the OTLP specification's recommendation.
TELEMETRY_BODY_LIMIT = env.integer("TELEMETRY_BODY_LIMIT", 64 * 1024 * 1024, least=1024)
# What is read while somebody waits; a worker reads what is larger, and the command takes any size.
EVALUATION_REQUEST_LIMIT = env.integer("EVALUATION_REQUEST_LIMIT", 2 * 1024 * 1024, least=1024)
EVALUATION_UPLOAD_LIMIT = env.integer("EVALUATION_UPLOAD_LIMIT", 2 * 1024 * 1024 * 1024, least=1024)
TELEMETRY_RETENTION_DAYS = env.integer("TELEMETRY_RETENTION_DAYS", 35, least=2)
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

UNFOLD = {
    "SITE_TITLE": "Causeway admin",
    "SITE_HEADER": "Causeway",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("icon.svg")}],
    "STYLES": [lambda request: static("css/admin.css")],
    "SCRIPTS": [lambda request: static("js/tables.js")],
}

# --- Logs --------------------------------------------------------------------------------------------------------

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "portal.logs.JsonFormatter"}},
    "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stream"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": ["stream"], "propagate": False},
        "django.request": {"level": "ERROR"},
        # A line for each tick would bury everything else.
        "celery": {"level": "WARNING"},
    },
}
