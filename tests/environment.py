"""The environment tests run in, whatever the machine's own says. A pytest plugin (`-p`), loaded before the settings are.

DATABASE_URL and REDIS_URL stay as they are: `run.py` sets them. Without them the tests run on an SQLite file and an
in-process cache, as `make run` does.
"""

from __future__ import annotations

import base64
import os
import secrets

REMOVED = """
    DEBUG ALLOWED_HOSTS CSRF_TRUSTED_ORIGINS PUBLIC_URL PORT TRUSTED_PROXIES DATABASE_REPLICA_URL CELERY_BROKER_URL
    DEFAULT_MODEL SESSION_TTL_SECONDS SENTRY_DSN OTEL_EXPORTER_OTLP_ENDPOINT EMAIL_URL EXTRA_APPS CRASH_AT
    DB_THREADS LEASE_SECONDS SWEEP_SECONDS TURN_ATTEMPTS DRAIN_SECONDS
    OPENAI_API_KEY OPENAI_BASE_URL GITHUB_TOKEN WEATHER_API_KEY
    TELEGRAM_BOT_TOKEN DISCORD_BOT_TOKEN SLACK_BOT_TOKEN SLACK_SIGNING_SECRET
    WHATSAPP_TOKEN WHATSAPP_PHONE_NUMBER_ID META_APP_SECRET META_VERIFY_TOKEN MESSENGER_PAGE_TOKEN
    TELEGRAM_API_BASE_URL DISCORD_API_BASE_URL DISCORD_GATEWAY_URL SLACK_API_BASE_URL META_GRAPH_BASE_URL
    OPEN_METEO_BASE_URL OPEN_METEO_GEOCODING_URL WEATHER_API_BASE_URL CURRENCY_API_BASE_URL
""".split()  # no test may reach a real account, or depend on what the machine has set

SET = {
    "SWITCHBOARD_ENV_FILE": "",  # .env is never read
    "SECRET_KEY": secrets.token_urlsafe(48),
    "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),  # a Fernet key
    "LOG_LEVEL": "WARNING",
    "LOG_FORMAT": "console",
    "RATE_LIMIT_PER_MINUTE": "0",
}

for name in REMOVED:
    os.environ.pop(name, None)
os.environ.update(SET)
