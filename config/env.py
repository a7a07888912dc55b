"""Every environment variable in one table: name, type, default, meaning. Read once, faults collected, never raised.

`settings.py` reads values from here, `checks.py` reports the faults, `docs/configuration.md` and `.env.example` are
written from it (`python -m config.reference`), so that none of them can disagree.
"""

from __future__ import annotations

import io
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import environ

Kind = Literal["text", "secret", "bool", "int", "list", "networks", "url", "choice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable. `choices` for kind choice, `least` and `most` for int; `later`: not used yet."""

    name: str
    kind: Kind = "text"
    default: Any = ""
    help: str
    group: str
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    later: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """A value that cannot be used: which, why, and what to write instead. The value itself is never repeated."""

    name: str
    reason: str
    mend: str


def _group(name: str, *variables: tuple[str, Kind, Any, str], **extra: Any) -> list[Variable]:
    return [Variable(name=n, kind=k, default=d, help=h, group=name, **extra) for n, k, d, h in variables]


VARIABLES: tuple[Variable, ...] = (
    *_group(
        "Web",
        ("SECRET_KEY", "secret", "", "Signs sessions and visitors' tokens: 50 random characters."),
        ("DEBUG", "bool", False, "Error pages with details. Never on a machine that others reach."),
        ("ALLOWED_HOSTS", "list", ["localhost", "127.0.0.1", "[::1]"], "Host names this installation answers to."),
        ("CSRF_TRUSTED_ORIGINS", "list", [], "Further origins of our own pages, with scheme: `https://bots.example`."),
        ("PUBLIC_URL", "url", "", "Address people reach this installation at; its host is allowed too."),
        ("TRUSTED_PROXIES", "list", [], "Addresses of reverse proxies whose `X-Forwarded-*` headers count."),
    ),
    Variable(name="PORT", kind="int", default=8000, least=1, most=65_535, help="Port of `make run`.", group="Web"),
    *_group(
        "Stores",
        ("DATABASE_URL", "url", "", "`postgres://user:password@host:5432/name`. Empty: SQLite in `var/`."),
        ("REDIS_URL", "url", "", "`redis://host:6379/0`. Empty: caches and fan-out live in the one process."),
    ),
    *_group(
        "Stores",
        ("CELERY_BROKER_URL", "url", "", "The workers' broker: RabbitMQ, or a Redis that evicts nothing. Empty: none."),
    ),
    *_group("Stores", ("DATABASE_REPLICA_URL", "url", "", "A read replica for reports."), later=True),
    Variable(name="DB_THREADS", kind="int", default=8, least=1, group="Stores",
             help="Database threads of a process, each with a connection. SQLite always has one."),
    *_group(
        "Secrets in the database",
        ("FIELD_ENCRYPTION_KEYS", "secret", "",
         "Fernet keys, comma separated, newest first. `make run` writes one; `manage.py rotate_keys` re-encrypts."),
    ),
    *_group(
        "Models",
        ("DEFAULT_MODEL", "text", "demo/demo", "`<provider>/<model>` that answers where no one chose another."),
        ("OPENAI_API_KEY", "secret", "", "Makes the provider `openai`."),
        ("OPENAI_BASE_URL", "url", "https://api.openai.com/v1", "Any OpenAI-compatible address for that provider."),
    ),
    Variable(name="SESSION_TTL_SECONDS", kind="int", default=3600, least=1, group="Conversations",
             help="How long an idle chat stays in the session cache. Costs speed only, never a conversation."),
    Variable(name="RATE_LIMIT_PER_MINUTE", kind="int", default=60, least=0, group="Conversations",
             help="Messages a minute a person may send; an address may send ten times that. 0 = off."),
    Variable(name="SOCKETS_PER_ADDRESS", kind="int", default=50, least=0, group="Conversations",
             help="Open web chats of one address in a process. 0 = off."),
    *[
        Variable(name=name, kind="int", default=default, least=1, group="Durability", help=text)
        for name, default, text in (
            ("LEASE_SECONDS", 30, "How long a process may be silent before another takes its conversation."),
            ("TURNS_AT_ONCE", 500, "Turns that a process answers at once, of one channel four fifths at most."),
            ("BUSY_SECONDS", 15, "After which a person is told that their question waits its turn."),
            ("SWEEP_SECONDS", 5, "How often each process looks for turns nobody holds."),
            ("GATEWAY_SECONDS", 5, "How often a gateway looks which channels it is to listen to."),
            ("TURN_ATTEMPTS", 3, "Tries of a turn, counted before the model is called, before it is given up."),
            ("SEND_SECONDS", 20, "How long a platform may take to accept a message."),
            ("DRAIN_SECONDS", 30, "How long running turns may finish at SIGTERM before they are handed back."),
        )
    ],
    Variable(name="LOG_LEVEL", kind="choice", default="INFO", group="Operation",
             choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), help="Least level that is logged."),
    Variable(name="LOG_FORMAT", kind="choice", default="json", choices=("json", "console"), group="Operation",
             help="`json`: a line an event; `console`: for people."),
    Variable(name="METRICS_PORT", kind="int", default=0, least=0, most=65_535, group="Operation",
             help="A port of each process for `/metrics` alone, also of workers. 0 = none. Keep it off the internet."),
    *_group(
        "Operation",
        ("METRICS_HOST", "text", "127.0.0.1", "Where METRICS_PORT listens; `0.0.0.0` in a container."),
        ("METRICS_TOKEN", "secret", "", "Bearer token that `/metrics` asks for. Empty: only this machine may read it."),
    ),
    Variable(name="PERSON_WAIT_MINUTES", kind="int", default=5, least=0, group="Operation",
             help="Minutes after which the team is told by e-mail that somebody waits for a person. 0 = never."),
    *_group(
        "Operation",
        ("EMAIL_URL", "secret", "", "`smtp+tls://user:password@host:587`, for e-mails to staff. Empty: none are sent."),
        ("EMAIL_FROM", "text", "switchboard@localhost", "Who they come from."),
        ("PRIVATE_NETWORKS", "networks", [], "Networks such as `10.0.0.0/8` that addresses in rows may lead to."),
        ("EXTRA_APPS", "list", [], "Django apps with tools, commands or platforms of your own."),
    ),
    *_group(
        "Operation",
        ("SENTRY_DSN", "secret", "", "Error tracking."),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "url", "", "Traces."),
        later=True,
    ),
    *_group(
        "Platforms",
        ("TELEGRAM_BOT_TOKEN", "secret", "", "A Telegram bot's token, from @BotFather: makes a channel."),
        ("DISCORD_BOT_TOKEN", "secret", "", "A Discord bot's token: makes a channel."),
    ),
    *_group(
        "Platforms",
        ("SLACK_BOT_TOKEN", "secret", "", "A Slack app's bot token."),
        ("SLACK_SIGNING_SECRET", "secret", "", "Proves that a request comes from Slack."),
        ("WHATSAPP_TOKEN", "secret", "", "Token of the WhatsApp Business account."),
        ("WHATSAPP_PHONE_NUMBER_ID", "secret", "", "Id of its phone number."),
        ("META_APP_SECRET", "secret", "", "Proves that a request comes from Meta."),
        ("META_VERIFY_TOKEN", "secret", "", "Agreed with Meta for the webhook's first call."),
        ("MESSENGER_PAGE_TOKEN", "secret", "", "Token of the Messenger page."),
        ("WEATHER_API_KEY", "secret", "", "Key of the weather service."),
        later=True,
    ),
    *_group(
        "Addresses of the outside world",
        ("TELEGRAM_API_BASE_URL", "url", "https://api.telegram.org", "A Bot API server of your own."),
        ("DISCORD_API_BASE_URL", "url", "https://discord.com/api/v10", "Discord's REST API."),
        ("DISCORD_GATEWAY_URL", "url", "wss://gateway.discord.gg/", "Discord's gateway."),
    ),
    *_group(
        "Addresses of the outside world",
        ("SLACK_API_BASE_URL", "url", "", "Slack's API."),
        ("META_GRAPH_BASE_URL", "url", "", "Meta's Graph API."),
        ("OPEN_METEO_BASE_URL", "url", "", "Weather, without a key."),
        ("OPEN_METEO_GEOCODING_URL", "url", "", "Places for the weather."),
        ("WEATHER_API_BASE_URL", "url", "", "Weather, with a key."),
        ("CURRENCY_API_BASE_URL", "url", "", "Exchange rates."),
        later=True,
    ),
)  # fmt: skip

LINE = re.compile(r"(?:export )?([A-Za-z_0-9]+)=")  # what django-environ takes; of another line it would tell all
COMMENT = re.compile(r"""=\s*(?:[^'"\s].*\s)?#""")
# Known elsewhere: read by libraries or by `make`, or explained by a check. Not reported as unknown.
FOREIGN = frozenset({"GITHUB_TOKEN", "DJANGO_SETTINGS_MODULE", "POSTGRES_PASSWORD", "POSTGRES_USER", "POSTGRES_DB"})


class Environment:
    """Values by variable name, defaults where one is missing or faulty; `faults` and `unknown` say what was wrong."""

    def __init__(self, values: Mapping[str, str], *, from_file: frozenset[str] = frozenset()) -> None:
        self._raw = values
        self.faults: list[Fault] = []
        self.unknown = sorted(from_file - {v.name for v in VARIABLES} - FOREIGN)
        self._values = {variable.name: self._read(variable) for variable in VARIABLES}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def given(self, name: str) -> bool:
        """Whether somebody set it to something."""
        return bool(self._raw.get(name, "").strip())

    def fault(self, name: str, reason: str, mend: str) -> None:
        """Note what a check shall report."""
        self.faults.append(Fault(name, reason, mend))

    def _read(self, variable: Variable) -> Any:
        raw = self._raw.get(variable.name, "").strip()
        if not raw:
            return variable.default
        try:
            return _PARSERS[variable.kind](raw, variable)
        except ValueError as error:
            self.fault(variable.name, str(error), _mend(variable))
            return variable.default


def load(file: str | Path | None) -> Environment:
    """The process's environment over the file's lines; a missing file is no fault."""
    given = Path(file).read_text(encoding="utf-8-sig", errors="replace") if file and Path(file).is_file() else ""
    lines = {n: text for n, line in enumerate(given.splitlines(), 1) if (text := line.strip()) and text[0] != "#"}
    values = _parse([line for line in lines.values() if LINE.match(line)])
    environment = Environment({**values, **os.environ}, from_file=frozenset(values))
    for number, line in lines.items():
        if not LINE.match(line):
            environment.fault(f"Line {number} of .env", "is no NAME=value", "write it so, without spaces around the =")
        elif COMMENT.search(line):
            environment.fault(
                f"Line {number} of .env", "has a comment behind its value, which would belong to it",
                "write the comment on a line of its own, or the value in quotes",
            )  # fmt: skip
    return environment


def _parse(lines: list[str]) -> dict[str, str]:
    """django-environ's own parser, kept from writing into this process's environment."""
    before = dict(os.environ)
    environ.Env.read_env(io.StringIO("\n".join(lines)), overwrite=True)
    try:
        return {found[1]: os.environ[found[1]] for line in lines if (found := LINE.match(line))}
    finally:
        os.environ.clear()
        os.environ.update(before)


def _bool(raw: str, _: Variable) -> bool:
    if raw.lower() in {"1", "true", "yes", "on"}:
        return True
    if raw.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError("is neither true nor false")


def _int(raw: str, variable: Variable) -> int:
    try:
        value = int(raw)
    except ValueError:
        raise ValueError("is no whole number") from None
    if variable.least is not None and value < variable.least:
        raise ValueError(f"is below {variable.least}")
    if variable.most is not None and value > variable.most:
        raise ValueError(f"is above {variable.most}")
    return value


def _choice(raw: str, variable: Variable) -> str:
    for choice in variable.choices:
        if raw.lower() == choice.lower():
            return choice
    raise ValueError(f"is none of {', '.join(variable.choices)}")


def _url(raw: str, _: Variable) -> str:
    if "://" not in raw or any(c.isspace() for c in raw):
        raise ValueError("is no address (scheme://…)")
    try:
        # A port is looked at only when asked for; SQLite's form `sqlite://:memory:` has a file where others have one.
        _port = None if raw.startswith("sqlite:") else urlsplit(raw).port
    except ValueError:
        raise ValueError("has a host or port that is none") from None
    return raw


def _networks(raw: str, _: Variable) -> list[str]:
    found = [part.strip() for part in raw.split(",") if part.strip()]
    try:
        return [str(ipaddress.ip_network(part)) for part in found]
    except ValueError:
        raise ValueError("has an entry that is no network") from None


_PARSERS: dict[Kind, Any] = {
    "text": lambda raw, _: raw,
    "secret": lambda raw, _: raw,
    "list": lambda raw, _: [part.strip() for part in raw.split(",") if part.strip()],
    "networks": _networks,
    "bool": _bool,
    "int": _int,
    "choice": _choice,
    "url": _url,
}


def _mend(variable: Variable) -> str:
    if variable.kind == "choice":
        return f"write one of {', '.join(variable.choices)}"
    example = {
        "bool": "true or false", "networks": "networks such as 10.0.0.0/8, comma separated",
        "int": f"a number such as {variable.default}", "url": "a full address",
    }  # fmt: skip
    return f"write {example.get(variable.kind, 'another value')}, or leave it out for the default"
