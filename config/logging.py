"""Logs: one JSON line an event, with correlation, conversation and turn ids; never texts, never secrets."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import orjson
import structlog

# What people wrote and what opens doors has no place in a log, whoever passes it.
PRIVATE = frozenset({
    "text", "content", "message_text", "prompt", "arguments", "result", "body", "password", "api_key", "key", "token",
    "secret", "authorization", "cookie", "visitor", "reply",
})  # fmt: skip
CREDENTIAL = re.compile(
    r"(sk-|sb_)[\w.-]{8,}|(?<=Bearer )\S+|(?<=/bot)\d+:[\w-]+|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)", re.ASCII
)


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Structlog processor: private fields become `***`, and credentials within other strings too.

    Django's own lines carry the request, whose address may hold anything; its path stands in their text already.
    """
    event.pop("request", None)
    for name, value in event.items():
        event[name] = _starred(name, value)
    return event


def _starred(name: str, value: Any) -> Any:
    if name.lower() in PRIVATE:
        return "***"
    if isinstance(value, Mapping):
        return {inner: _starred(str(inner), held) for inner, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_starred("", held) for held in value]
    return CREDENTIAL.sub("***", value) if isinstance(value, str) else value


REFUSED = "django.security.DisallowedHost"  # a request for another host: the request's own line says 400
CHATTY = ("httpx", "httpx2", "httpcore", "openai", "asyncio", "daphne", "uvicorn.access", "uvicorn.error")

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _json(event: Any, default: Callable[[Any], Any]) -> str:
    """In a third of the time that the standard library takes; that one knows half characters, and big numbers."""
    try:
        return orjson.dumps(event, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(event, default=default)


def configure() -> None:
    """Send structlog's loggers through the standard library, so that one formatter writes every line."""
    structlog.configure(
        processors=[*SHARED[:3], SHARED[4], structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def configuration(*, level: str, style: str) -> dict[str, Any]:
    """Django's LOGGING: everything to stderr, in the one form."""
    last: list[Any] = [
        structlog.processors.format_exc_info,
        redact,  # the trace as well
        structlog.processors.JSONRenderer(serializer=_json)
        if style == "json"
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            name: {"level": max(logging.WARNING, getattr(logging, level)), "handlers": [], "propagate": True}
            for name in CHATTY
        }
        | {"django": {"handlers": [], "propagate": True}, "django.server": {"handlers": [], "propagate": True}}
        | {REFUSED: {"level": "CRITICAL"}},
    }
