"""A running product of its own, and a real Chromium in front of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import find_chromium

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = ROOT / "test-artifacts"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Product:
    """A running installation: where it is, and the environment of its process."""

    address: str
    environment: Mapping[str, str]

    def run(self, code: str) -> str:
        """What Python code prints that runs as its administrator would in `manage.py shell`."""
        command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code]
        done = subprocess.run(
            command, cwd=ROOT, env=dict(self.environment), check=False, text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """What `serve --prepare` makes of an empty folder."""
    port = free_port()
    folder = tmp_path_factory.mktemp("browser")
    environment = {
        **os.environ, "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}", "REDIS_URL": "",
        "RATE_LIMIT_PER_MINUTE": "0",
    }  # fmt: skip
    command = [sys.executable, "manage.py", "serve", "--prepare", "--port", str(port)]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(f"http://127.0.0.1:{port}/ready", server, folder / "log")
            yield Product(f"http://127.0.0.1:{port}", environment)
        finally:
            server.terminate()
            server.wait(timeout=40)


@pytest.fixture(scope="session")
def address(product: Product) -> str:
    """Where it is."""
    return product.address


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  our own server
                return
        except (urllib.error.URLError, ConnectionError):
            if server.poll() is not None:
                raise AssertionError(log.read_text()) from None
            time.sleep(0.1)
    raise AssertionError(f"{url} did not come up")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["phone", "desktop"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A visitor's page, on a phone and on a desktop. A script's error or a refused resource fails the test."""
    phone = request.param == "phone"
    context = browser.new_context(
        viewport={"width": 390, "height": 780} if phone else {"width": 1280, "height": 800},
        color_scheme="dark" if phone else "light",
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield page
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{request.node.name.replace('/', '_')}.png")
    context.close()
    assert faults == []
