"""Are the stores there? One line each, for `serve`, `/ready` and `doctor`."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection


class StoreAway(Exception):
    """A store cannot be reached; the text is one line for people, without a password."""


def database_address() -> str:
    """Where the database is: host and port, or the file."""
    database = settings.DATABASES["default"]
    if "sqlite" in database["ENGINE"]:
        return str(database["NAME"])
    return f"{database.get('HOST') or 'localhost'}:{database.get('PORT') or 5432}/{database['NAME']}"


def redis_address() -> str:
    """Host and port of REDIS_URL, or "" where there is none."""
    parts = urlsplit(settings.REDIS_URL)
    return f"{parts.hostname or parts.path}:{parts.port or 6379}" if settings.REDIS_URL else ""


def ask_database() -> None:
    """Raises StoreAway when the database does not answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise _away(error) from error


def reach_database() -> None:
    """As `ask_database`, on a connection of its own: at once, and with the server's own words.

    A pool would try again for ten seconds and then tell only that it had none.
    """
    if "postgresql" not in settings.DATABASES["default"]["ENGINE"]:
        ask_database()
        return
    import psycopg

    try:
        psycopg.connect(**{**connection.get_connection_params(), "connect_timeout": 3}).close()
    except psycopg.Error as error:
        raise _away(error) from error


def _away(error: Exception) -> StoreAway:
    reason = (str(error).strip().splitlines() or ["no answer"])[0]
    return StoreAway(f"Cannot reach the database at {database_address()}: {reason}. Check DATABASE_URL.")


def ask_broker() -> None:
    """Raises StoreAway when the workers' broker does not answer, or would throw their work away to make room."""
    url = settings.CELERY_BROKER_URL
    if not url.startswith(("redis://", "rediss://", "unix://")):
        _ask_amqp(url)
        return
    import redis

    client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    try:
        policy = client.info("memory").get("maxmemory_policy", "")
    except (redis.RedisError, OSError) as error:
        raise StoreAway(f"Cannot reach the broker at {_address(url)}: {error}. Check CELERY_BROKER_URL.") from error
    finally:
        client.close()
    if policy.startswith("allkeys"):
        raise StoreAway(
            f"The broker at {_address(url)} has maxmemory-policy {policy}, which deletes queued work when memory is "
            "short. Set it to noeviction, or give CELERY_BROKER_URL a Redis of its own."
        )


def _ask_amqp(url: str) -> None:
    from kombu import Connection
    from kombu.exceptions import KombuError

    try:
        with Connection(url, connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
    except (KombuError, OSError, KeyError) as error:
        reason = f"Cannot reach the broker at {_address(url)}: {type(error).__name__}. Check CELERY_BROKER_URL."
        raise StoreAway(reason) from error


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or parts.path}{f':{parts.port}' if parts.port else ''}"


def ask_redis() -> None:
    """Raises StoreAway when Redis is configured and does not answer within two seconds."""
    if not settings.REDIS_URL:
        return
    import redis

    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2)
    try:
        client.ping()
    except (redis.RedisError, OSError) as error:
        raise StoreAway(f"Cannot reach Redis at {redis_address()}: {error}. Check REDIS_URL.") from error
    finally:
        client.close()
