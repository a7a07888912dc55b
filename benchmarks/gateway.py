"""One gateway with many bots: python -m benchmarks.gateway

500 Telegram channels that Telegram calls and 100 that are asked for, against a Telegram on loopback and a private
PostgreSQL whose log counts the statements: seconds until all are listened to, memory, statements a second when idle.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from cryptography.fernet import Fernet

from tests import devservices
from tests.fakes.telegram_server import TelegramServer
from tests.product import ROOT, ended

CALLED, ASKED = 500, 100
IDLE_SECONDS = 60
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (\w+)")
LISTENED = "SELECT count(*) FROM channels_integrations_listener WHERE state = 'listening'"
MAKE = """
import json, sys
from bots.models import Bot, Workspace
from channels_integrations.models import ChannelConfig
bot = Bot.objects.create(workspace=Workspace.default(), slug="bench", name="Bench")
for number, (token, updates) in enumerate(json.load(sys.stdin)):
    row = ChannelConfig(workspace=bot.workspace, bot=bot, kind="telegram", slug=f"t{number}", name=f"Bot {number}",
                        config={"updates": updates})
    row.credentials = json.dumps({"token": token})
    row.save()
"""


def main() -> None:
    for name, figure in figures().items():
        print(f"{name}: {figure}")


def figures() -> dict[str, str]:
    """By name, for people. It takes two minutes."""
    with tempfile.TemporaryDirectory(prefix=devservices.PREFIX, dir=devservices.ROOM) as name, TelegramServer() as fake:
        folder = Path(name)
        folder.chmod(0o711)
        with devservices.postgres(folder, durable=True) as database, devservices.redis(folder) as redis:
            environment = _environment(database, redis, fake.origin)
            _prepare(environment, fake)
            return _measured(folder, database, environment)


def _environment(database: str, redis: str, telegram: str) -> dict[str, str]:
    return {
        **os.environ, "SWITCHBOARD_ENV_FILE": "", "SECRET_KEY": "x" * 60, "DEBUG": "", "ALLOWED_HOSTS": "bots.example",
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(), "DATABASE_URL": database, "REDIS_URL": redis,
        "PUBLIC_URL": "https://bots.example", "TELEGRAM_API_BASE_URL": telegram, "LOG_LEVEL": "WARNING",
    }  # fmt: skip


def _prepare(environment: dict[str, str], fake: TelegramServer) -> None:
    bots = [(f"{100_000 + number}:a_token_of_the_bench", "webhook" if number < CALLED else "polling")
            for number in range(CALLED + ASKED)]  # fmt: skip
    for number, (token, _updates) in enumerate(bots):
        fake.add(token, f"bench{number}_bot")
    _run(environment, "migrate", "--verbosity", "0")
    _run(environment, "shell", "--verbosity", "0", "-c", MAKE, told=json.dumps(bots))


def _run(environment: dict[str, str], *arguments: str, told: str = "") -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True, input=told, text=True
    )


def _measured(folder: Path, database: str, environment: dict[str, str]) -> dict[str, str]:
    with psycopg.connect(database, autocommit=True) as connection:
        began = time.monotonic()
        gateway = subprocess.Popen([sys.executable, "manage.py", "run_gateway", "telegram"], cwd=ROOT, env=environment)
        with ended(gateway):
            while (row := connection.execute(LISTENED).fetchone()) is None or row[0] < CALLED + ASKED:
                assert gateway.poll() is None, "the gateway ended"
                assert time.monotonic() - began < 300, row
                time.sleep(0.2)
            listened = f"after {time.monotonic() - began:.1f} s, {_resident(gateway.pid)} MB"
            connection.execute("ALTER SYSTEM SET log_statement = 'all'")
            connection.execute("SELECT pg_reload_conf()")
            time.sleep(5)
            found = _statements(folder / "postgres/log")
            work = [verb for verb in found if verb not in ("BEGIN", "COMMIT", "SET")]
            idle = (
                f"{len(work) / IDLE_SECONDS:.1f} statements/s (and {(len(found) - len(work)) / IDLE_SECONDS:.1f} BEGIN"
            )
            idle += f" and COMMIT), {_resident(gateway.pid)} MB"
    name = f"one gateway, {CALLED} called and {ASKED} polled channels"
    return {f"{name}: all listened to": listened, f"{name}: idle for {IDLE_SECONDS} s": idle}


def _statements(log: Path) -> list[str]:
    """What was asked from now on, by its first words."""
    with log.open() as file:
        file.seek(0, os.SEEK_END)
        time.sleep(IDLE_SECONDS)
        return STATEMENT.findall(file.read())


def _resident(pid: int) -> int:
    """Megabytes."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) // 1024 if found else 0


if __name__ == "__main__":
    main()
