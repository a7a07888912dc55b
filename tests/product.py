"""The product in a process of its own, as `make run` starts it in an empty folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Product:
    """A running installation: where it is, and the environment of its process."""

    address: str
    environment: Mapping[str, str]

    def run(self, code: str) -> str:
        """What Python code prints that runs as its administrator would in `manage.py shell`."""
        command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, check=False, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def serve(**variables: str) -> Iterator[Product]:
    """It is ready; everything is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        port, log = free_port(), Path(folder, "log")
        environment = {
            **os.environ, "SWITCHBOARD_ENV_FILE": "", "SECRET_KEY": "x" * 60, "DEBUG": "", "REDIS_URL": "",
            "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(), "ALLOWED_HOSTS": "127.0.0.1",
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3", "RATE_LIMIT_PER_MINUTE": "0", **variables,
        }  # fmt: skip
        command = [sys.executable, "manage.py", "serve", "--prepare", "--port", str(port)]
        with log.open("w") as file:
            server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
            with ended(server):
                answering(f"http://127.0.0.1:{port}/ready", server, log)
                yield Product(f"http://127.0.0.1:{port}", environment)


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """It is told to go when the block is left."""
    try:
        yield
    finally:
        process.terminate()
        process.wait(40)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answering(url: str, server: subprocess.Popen[bytes], log: Path | None = None) -> None:
    """Wait until there is an answer."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  our own server
                return
        except (urllib.error.URLError, ConnectionError):
            if server.poll() is not None:
                break
            time.sleep(0.1)
    raise AssertionError(log.read_text() if log else f"{url} did not come up")
