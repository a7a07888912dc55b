"""Settings: one file, all from the environment (`env.py`), good with nothing set. Faulty values are told by `check`."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ

from config import logging as structured
from config import theme
from config.env import load

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
ENV_FILE = os.environ.get("SWITCHBOARD_ENV_FILE", str(BASE_DIR / ".env"))
ENVIRONMENT = load(ENV_FILE)
env = ENVIRONMENT

# Web ------------------------------------------------------------------------------------------------------------------
SECRET_KEY = env["SECRET_KEY"] or "insecure-" + secrets.token_urlsafe(48)
DEBUG = env["DEBUG"]
PUBLIC_URL = env["PUBLIC_URL"].rstrip("/")
_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = [*env["ALLOWED_HOSTS"], *([_public.hostname] if _public.hostname else [])]
CSRF_TRUSTED_ORIGINS = [*env["CSRF_TRUSTED_ORIGINS"], *([f"{_public.scheme}://{_public.netloc}"] if PUBLIC_URL else [])]
TRUSTED_PROXIES = env["TRUSTED_PROXIES"]
PORT = env["PORT"]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
SECURE = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_SSL_REDIRECT = False  # the proxy's work; it alone knows which of its ports is which
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]  # HSTS reach and redirects: see above
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

INSTALLED_APPS = [
    *(["daphne"] if DEBUG else []),  # `runserver` on ASGI; 23 MB that production need not pay
    "unfold",  # before the admin, whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_prometheus",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework_simplejwt.token_blacklist",
    *(["django_migration_linter"] if os.environ.get("LINT_MIGRATIONS") else []),
    "config",
    "bots",
    "channels_integrations",
    "conversations",
    "analytics",
    *env["EXTRA_APPS"],
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "config.middleware.Guard",
    "conversations.api.origins.Origins",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.Policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
UNFOLD = theme.UNFOLD
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # no collectstatic step
WHITENOISE_AUTOREFRESH = DEBUG

# Stores ---------------------------------------------------------------------------------------------------------------
DB_THREADS = env["DB_THREADS"]
PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 20_000}


def _sqlite(name: Path | str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(name),
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": PRAGMAS},
        "TEST": {"NAME": str(VAR_DIR / f"test-{os.getpid()}.sqlite3")},  # threads need a file
    }


def _database(url: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = dict(environ.Env.db_url_config(url)) if url else {}
    except (ValueError, environ.ImproperlyConfigured):
        parsed = {}
    engine = str(parsed.get("ENGINE", ""))
    if url and engine.endswith("sqlite3"):
        return _sqlite(parsed["NAME"])
    if url and not engine.endswith("postgresql"):
        env.fault("DATABASE_URL", "is no address of a PostgreSQL or SQLite database",
                  "write postgres://user:password@host:5432/name or sqlite:///path/file.sqlite3")  # fmt: skip
    if not engine.endswith("postgresql"):
        return _sqlite(VAR_DIR / "switchboard.sqlite3")
    return parsed | {
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "options": f"-c idle_in_transaction_session_timeout={max(1_000, env['LEASE_SECONDS'] * 500)}",
            **parsed.get("OPTIONS", {}),
            # What our threads keep, two of them in reserve, and sixteen for requests. Whoever waited for a server that
            # was away waits no longer than this once it is back: within five seconds all is as before.
            "pool": {"min_size": 1, "max_size": DB_THREADS + 18, "timeout": 3, "reconnect_timeout": 1},
            "connect_timeout": 3,
            **KEEPALIVE,  # where something between forgets a silent connection
        },
    }


DATABASES = {"default": _database(env["DATABASE_URL"])}
EMBEDDED = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if EMBEDDED:
    DB_THREADS = 1  # one writer: more threads gain nothing and wait for each other
    if DATABASES["default"]["NAME"].startswith(str(VAR_DIR)):
        VAR_DIR.mkdir(exist_ok=True)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env["REDIS_URL"]
if REDIS_URL and urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
    env.fault("REDIS_URL", "is no redis:// address", "write redis://host:6379/0, or leave it out")
    REDIS_URL = ""
REDIS_SECONDS = 0.5  # that a cache or a count waits for it; then it is done without
CACHES: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "config.cache.DisposableRedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "switchboard"}
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 20_000}}
    )
}
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}
CELERY_BROKER_URL = env["CELERY_BROKER_URL"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # a lost task is a lost hint; the rows know
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2}
CELERY_BEAT_SCHEDULE = {"purge": {"task": "conversations.tasks.purge", "schedule": 24 * 3600}}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat")
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# Secrets in rows ------------------------------------------------------------------------------------------------------
FIELD_ENCRYPTION_KEYS = [key.strip() for key in env["FIELD_ENCRYPTION_KEYS"].split(",") if key.strip()]

PRIVATE_NETWORKS = env["PRIVATE_NETWORKS"]

# Addresses of the outside world ---------------------------------------------------------------------------------------
TELEGRAM_API_BASE_URL = env["TELEGRAM_API_BASE_URL"].rstrip("/")
DISCORD_API_BASE_URL = env["DISCORD_API_BASE_URL"].rstrip("/")
DISCORD_GATEWAY_URL = env["DISCORD_GATEWAY_URL"]

# Models, conversations, durability ------------------------------------------------------------------------------------
DEFAULT_MODEL = env["DEFAULT_MODEL"]
OPENAI_API_KEY = env["OPENAI_API_KEY"]
OPENAI_BASE_URL = env["OPENAI_BASE_URL"]
TELEGRAM_BOT_TOKEN = env["TELEGRAM_BOT_TOKEN"]
DISCORD_BOT_TOKEN = env["DISCORD_BOT_TOKEN"]
SESSION_TTL_SECONDS = env["SESSION_TTL_SECONDS"]
RATE_LIMIT_PER_MINUTE = env["RATE_LIMIT_PER_MINUTE"]
SOCKETS_PER_ADDRESS = env["SOCKETS_PER_ADDRESS"]
LEASE_SECONDS: float = env["LEASE_SECONDS"]
TURNS_AT_ONCE: int = env["TURNS_AT_ONCE"]
BUSY_SECONDS: float = env["BUSY_SECONDS"]
SWEEP_SECONDS: float = env["SWEEP_SECONDS"]
GATEWAY_SECONDS: float = env["GATEWAY_SECONDS"]
TURN_ATTEMPTS = env["TURN_ATTEMPTS"]
DRAIN_SECONDS: float = env["DRAIN_SECONDS"]
SEND_SECONDS: float = env["SEND_SECONDS"]
CONFIGURATION_SECONDS = 3.0  # a changed bot, model or flag is in force everywhere within 5 s


# E-mail ---------------------------------------------------------------------------------------------------------------
def _email(url: str) -> dict[str, Any]:
    try:
        return dict(environ.Env.email_url_config(url))
    except (KeyError, ValueError, environ.ImproperlyConfigured):
        env.fault("EMAIL_URL", "is no address of a mail server", "write smtp+tls://user:password@host:587")
        return {}


PERSON_WAIT_MINUTES = env["PERSON_WAIT_MINUTES"]
EMAIL_URL, DEFAULT_FROM_EMAIL, EMAIL_TIMEOUT = env["EMAIL_URL"], env["EMAIL_FROM"], 10
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
globals().update(_email(EMAIL_URL) if EMAIL_URL else {})

# People ---------------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "bots.roles.RoleBackend"]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español"), ("de", "Deutsch"), ("fr", "Français"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
LOGIN_URL = "admin:login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# API ------------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "conversations.api.authentication.StaffTokenAuthentication",
        "conversations.api.authentication.ApiKeyAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["conversations.api.authentication.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["conversations.api.parsers.CarefulJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "conversations.api.pagination.NewestFirst",
    "EXCEPTION_HANDLER": "conversations.api.problems.as_problem",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SIMPLE_JWT = {
    "ALGORITHM": "HS256",  # and no other is taken
    "SIGNING_KEY": SECRET_KEY,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "CHECK_REVOKE_TOKEN": True,  # another password ends them
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Switchboard API",
    "DESCRIPTION": "Talk to bots, read what was said, configure them. Errors are RFC 9457 problem details.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
}

# Metrics and logs -----------------------------------------------------------------------------------------------------
METRICS_PORT, METRICS_HOST, METRICS_TOKEN = env["METRICS_PORT"], env["METRICS_HOST"], env["METRICS_TOKEN"]
LOG_LEVEL = env["LOG_LEVEL"]
LOG_FORMAT = env["LOG_FORMAT"]
LOGGING = structured.configuration(level=LOG_LEVEL, style=LOG_FORMAT)
structured.configure()
TEST_RUNNER = "django.test.runner.DiscoverRunner"
MIGRATION_LINTER_OPTIONS = {"exclude_apps": ["token_blacklist"]}  # a library's, on tables that were empty then
