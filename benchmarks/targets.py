"""What is measured: the product as in production, the product embedded, the reference; each a process on a core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from cryptography.fernet import Fernet

from benchmarks.machine import cpu_seconds, memory_mb, pin
from benchmarks.rows import HISTORY, WORDS
from tests.product import ROOT, answering, ended, free_port

VISITORS = 500
REFERENCE = ROOT / ".venv-bench/bin/python"


@dataclass(frozen=True, slots=True)
class Ground:
    """What they stand on: a folder for logs, the stores' addresses, the model's, and the server's core."""

    folder: Path
    database: str
    redis: str
    model: str
    core: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one is started, over rows that are there. `visitors`: the tokens of those with a history."""

    name: str
    command: list[str]
    environment: dict[str, str]
    database: str
    visitors: list[str]
    rows: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """One that answers."""

    recipe: Recipe
    pid: int
    port: int
    started: float  # seconds to the first answer

    @property
    def name(self) -> str:
        return self.recipe.name

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def cpu(self) -> float:
        """Seconds of user and system time so far."""
        return cpu_seconds(self.pid)

    @property
    def memory(self) -> float:
        """MB."""
        return memory_mb(self.pid)


@contextmanager
def running(recipe: Recipe, ground: Ground) -> Iterator[Target]:
    """On the server's core; its log is kept in the folder."""
    port, log = free_port(), ground.folder / f"{recipe.name}.log"
    with log.open("a") as file:
        began = time.monotonic()
        process = subprocess.Popen(
            [*recipe.command, "--port", str(port)], cwd=ROOT, env=recipe.environment, stdout=file, stderr=file
        )
        pin(ground.core, process.pid)
        with ended(process):
            answering(f"http://127.0.0.1:{port}/ready", process, log)
            yield Target(recipe, process.pid, port, time.monotonic() - began)


def product(ground: Ground, *, embedded: bool = False) -> Recipe:
    """`manage.py serve` over a filled database: PostgreSQL and Redis or, embedded, SQLite alone."""
    environment = {
        **os.environ, "SWITCHBOARD_ENV_FILE": "", "DEBUG": "", "SECRET_KEY": "x" * 60, "CELERY_BROKER_URL": "",
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(), "ALLOWED_HOSTS": "127.0.0.1,testserver",
        "DATABASE_URL": f"sqlite:///{ground.folder}/db.sqlite3" if embedded else ground.database,
        "REDIS_URL": "" if embedded else ground.redis, "RATE_LIMIT_PER_MINUTE": "0", "SOCKETS_PER_ADDRESS": "0",
        "OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": ground.model, "DEFAULT_MODEL": "openai/bench",
        "PRIVATE_NETWORKS": "127.0.0.0/8",
    }  # fmt: skip
    hook = f"{ground.model.removesuffix('/v1')}/hook"
    command = [sys.executable, "-m", "benchmarks.rows", str(VISITORS), hook]
    made = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    rows = json.loads(made.stdout.splitlines()[-1])
    return Recipe(
        name="embedded" if embedded else "product", command=[sys.executable, "manage.py", "serve"],
        environment=environment, database=environment["DATABASE_URL"], visitors=rows.pop("visitors"), rows=rows,
    )  # fmt: skip


def reference(ground: Ground, *, aiohttp: bool = False) -> Recipe:
    """The service one would write instead, in a filled database of its own. `aiohttp`: with the SDK's faster wire."""
    name = "reference_aiohttp" if aiohttp else "reference"
    with psycopg.connect(ground.database, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    database = f"{ground.database.rpartition('/')[0]}/{name}"
    environment = {
        **os.environ, "DATABASE_URL": database.replace("postgres://", "postgresql+asyncpg://"),
        "REDIS_URL": f"{ground.redis.rpartition('/')[0]}/{2 if aiohttp else 1}", "OPENAI_BASE_URL": ground.model,
        "AIOHTTP": "1" if aiohttp else "",
    }  # fmt: skip
    fast = "--loop uvloop --http httptools --ws websockets-sansio --ws-per-message-deflate false --no-access-log"
    recipe = Recipe(
        name=name, command=[str(REFERENCE), "-m", "uvicorn", "benchmarks.reference:app", *fast.split()],
        environment=environment, database=database, visitors=[f"visitor-{number}" for number in range(VISITORS)],
    )  # fmt: skip
    with running(recipe, ground):  # makes its tables
        _remember(recipe)
    return recipe


def _remember(recipe: Recipe) -> None:
    """The same histories that the product has."""
    with psycopg.connect(recipe.database) as connection:
        connection.execute("INSERT INTO conversation (visitor) SELECT unnest(%s::text[])", [recipe.visitors])
        connection.execute(
            "INSERT INTO message (conversation_id, role, text) SELECT id, CASE WHEN n %% 2 = 1 THEN 'user' ELSE"
            " 'assistant' END, %s FROM conversation, generate_series(1, %s) AS n ORDER BY id, n",
            [WORDS, HISTORY],
        )
