"""The judged: stores of their own, and web and worker processes to be started, paused and killed."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import psycopg
import redis
from cryptography.fernet import Fernet

from tests import devservices

ROOT = Path(__file__).resolve().parents[2]
Role = Literal["web", "worker", "gateway"]
TENTH = {  # durations of the product at a tenth
    "LEASE_SECONDS": "3", "SWEEP_SECONDS": "1", "SEND_SECONDS": "2", "DRAIN_SECONDS": "3", "TURN_ATTEMPTS": "8",
    "BUSY_SECONDS": "3600",  # but this: whatever is sent here is taken for an answer
}  # fmt: skip
FAST = {"LEASE_SECONDS": "1", "SWEEP_SECONDS": "1", "SEND_SECONDS": "1"}


@dataclass(slots=True)
class Process:
    """One of the judged."""

    role: Role
    pid: int
    log: Path
    port: int = 0
    mark: Path | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    @property
    def is_ready(self) -> bool:
        """Whether it can work: a web process answers at its port, a worker has said so."""
        if not self.is_alive:
            return False
        if self.mark is not None:
            return self.mark.exists()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def send(self, number: signal.Signals) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return


@dataclass(slots=True)
class Fleet:
    """All of it, for one run. `rows`: the webhook channels' ids by kind."""

    folder: Path
    database: str
    redis: str
    judge_log: Path
    judge_address: str
    rows: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    restart_database: Callable[[], None] = lambda: None
    stack: ExitStack = field(default_factory=ExitStack)  # what ends with the run
    _warm: subprocess.Popen[str] | None = None
    _count: int = 0
    _seen: int = 0

    def start(self, role: Role, *, crash_at: str = "", patience: float = 0) -> Process:
        """A new process, not ready yet. `patience`: a gateway's sends may take so many seconds."""
        self._count += 1
        name = f"{role}-{self._count}"
        process = Process(role, 0, self.folder / f"{name}.log", _free_port() if role == "web" else 0,
                          self.folder / f"{name}.ready" if role == "worker" else None)  # fmt: skip
        process.pid = self.order(role=role, port=process.port, log=str(process.log), crash_at=crash_at,
                                 patience=patience, ready=str(process.mark))  # fmt: skip
        self.processes.append(process)
        return process

    def open_channel(self, kind: str, token: str, **config: Any) -> str:
        """The id of a new channel on a platform that is listened to."""
        self._count += 1
        made = self.folder / f"channel-{self._count}.json"
        self.order(role="channel", kind=kind, token=token, config=config, slug=f"{kind}-{self._count}",
                   ready=str(made), log=str(self.folder / "channel.log"))  # fmt: skip
        until(lambda: made.exists() and made.read_text().endswith('"'), 60, lambda: self.told("channel.log"))
        return str(json.loads(made.read_text()))

    def order(self, **what: Any) -> int:
        """A child of the warm parent."""
        assert self._warm is not None and self._warm.stdin and self._warm.stdout
        self._warm.stdin.write(json.dumps(what) + "\n")
        self._warm.stdin.flush()
        return int(self._warm.stdout.readline())

    def warm_up(self, environment: dict[str, str]) -> None:
        """Start the parent of all, and make the rows."""
        with (self.folder / "warm.log").open("w") as log:
            self._warm = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.warm"], cwd=ROOT, env=environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self._warm.stdout is not None
        said = self._warm.stdout.readline()
        assert said == "warm\n", (self.folder / "warm.log").read_text()
        made = self.folder / "rows.json"
        self.order(role="setup", judge=self.judge_address, ready=str(made), log=str(self.folder / "setup.log"))
        until(lambda: made.exists() and made.read_text().endswith("}"), 60, lambda: self.told("setup.log"))
        self.rows = json.loads(made.read_text())

    def ready(self, role: Role | None = None) -> list[Process]:
        return [p for p in self.processes if role in (None, p.role) and p.is_ready]

    def await_ready(self, count: int, seconds: float = 30) -> None:
        until(lambda: len(self.ready()) >= count, seconds, lambda: [p.log.read_text()[-2000:] for p in self.processes])

    def forget_dead(self) -> None:
        self.processes = [process for process in self.processes if process.is_alive]

    def told(self, name: str) -> str:
        """The end of a log."""
        file = self.folder / name
        return file.read_text()[-3000:] if file.exists() else f"no {name}"

    def log_lines(self) -> Iterator[str]:
        """What all of the judged logged."""
        for file in sorted(self.folder.glob("*-*.log")):
            yield from file.read_text(errors="replace").splitlines()

    def records(self, what: str) -> list[dict[str, Any]]:
        """What the judge saw of this kind, in order."""
        with self.judge_log.open() as log:
            log.seek(self._seen)
            found = [json.loads(line) for line in log.read().splitlines()]
        return [record for record in found if record["what"] == what]

    def reset(self) -> None:
        """As at the beginning: no processes, nothing said, the stores running."""
        for process in self.processes:
            process.send(signal.SIGKILL)
        until(lambda: not any(process.is_alive for process in self.processes), 10)
        self.processes.clear()
        for log in self.folder.glob("*-*.log"):
            log.unlink()
        self._seen = self.judge_log.stat().st_size
        with psycopg.connect(self.database) as connection:
            connection.execute(
                "TRUNCATE channels_integrations_rawevent, conversations_person, channels_integrations_gateway CASCADE"
            )
            connection.execute(
                "UPDATE channels_integrations_channelconfig SET is_active = false WHERE kind IN ('telegram', 'discord')"
            )
        redis.Redis.from_url(self.redis).flushall()

    def close(self) -> None:
        for process in self.processes:
            process.send(signal.SIGKILL)
        if self._warm is not None:
            self._warm.kill()
            self._warm.communicate()


@contextmanager
def fleet(
    *, faults: dict[str, Any] | None = None, broker: bool = True, variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Fleet]:
    """Stores, judge and a warm parent; start what is to be judged yourself."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=devservices.PREFIX, dir=devservices.ROOM)))
        folder.chmod(0o711)
        (folder / "owner.pid").write_text(str(os.getpid()))
        database = stack.enter_context(devservices.postgres(folder, durable=True))
        cache = stack.enter_context(devservices.redis(folder))
        log = folder / "judge.jsonl"
        log.touch()
        judge = subprocess.Popen([sys.executable, "-m", "tests.chaos.judge", str(log), json.dumps(faults or {})],
                                 cwd=ROOT, stdout=subprocess.PIPE, text=True)  # fmt: skip
        stack.callback(judge.communicate)
        stack.callback(judge.kill)
        assert judge.stdout is not None
        address = f"http://127.0.0.1:{int(judge.stdout.readline())}"
        made = Fleet(folder, database, cache, log, address, stack=stack)
        stack.callback(made.close)
        made.restart_database = lambda: devservices.restart_postgres(folder)
        made.warm_up({**_inherited(), **TENTH, **_stores(made, broker=broker), **variables})
        yield made


def _stores(made: Fleet, *, broker: bool) -> dict[str, str]:
    return {
        "DATABASE_URL": made.database, "REDIS_URL": made.redis, "JUDGE": made.judge_address,
        "CELERY_BROKER_URL": f"{made.redis.rpartition('/')[0]}/1" if broker else "",
        "OPENAI_API_KEY": "sk-judged", "OPENAI_BASE_URL": f"{made.judge_address}/v1", "DEFAULT_MODEL": "openai/echo",
    }  # fmt: skip


def _inherited() -> dict[str, str]:
    return {
        **os.environ, "SWITCHBOARD_ENV_FILE": "", "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "",
        "SECRET_KEY": "x" * 60, "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(), "EXTRA_APPS": "tests.chaos",
        "ALLOWED_HOSTS": "127.0.0.1", "PRIVATE_NETWORKS": "127.0.0.0/8", "RATE_LIMIT_PER_MINUTE": "0",
        "SOCKETS_PER_ADDRESS": "0", "LOG_LEVEL": "WARNING", "LOG_FORMAT": "json",
    }  # fmt: skip


def until(holds: Callable[[], Any], seconds: float, told: Callable[[], Any] = lambda: "") -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, told()
        time.sleep(0.05)


def seed_of_this_run() -> int:
    """CHAOS_SEED, or a new one; printed, so that a run can be repeated."""
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"CHAOS_SEED={seed}")
    return seed


def _free_port() -> int:
    """One that no outgoing connection is given meanwhile: those begin at 32768."""
    while True:
        port = random.SystemRandom().randrange(12_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
