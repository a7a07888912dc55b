"""The product in a process of its own, as `make run` starts it in an empty folder."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class Product:
    """A running installation: where it is, and the environment of its process."""

    address: str
    environment: Mapping[str, str]
    _shell: subprocess.Popen[str] | None = None

    def run(self, code: str) -> str:
        """What Python code prints that runs as its administrator would in `manage.py shell`."""
        if self._shell is None:
            self._shell = subprocess.Popen(
                [sys.executable, "-m", "tests.warm_shell"], cwd=ROOT, env=self.environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self._shell.stdin and self._shell.stdout
        self._shell.stdin.write(json.dumps(code) + "\n")
        self._shell.stdin.flush()
        status, output, errors = json.loads(self._shell.stdout.readline())
        assert status == 0, errors
        return str(output)

    def close(self) -> None:
        if self._shell is not None:
            self._shell.communicate(timeout=20)


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
                with closing(Product(f"http://127.0.0.1:{port}", environment)) as product:
                    yield product


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
