from portal.local import paths

SECRET_KEY = "nothing here is signed"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.floor.urls"
MIDDLEWARE: list[str] = []
INSTALLED_APPS: list[str] = []
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": paths.DATABASE_NAME,
        "USER": "portal_app",
        "HOST": str(paths.postgres_socket_dir()),
        "CONN_MAX_AGE": 600,
    }
}
