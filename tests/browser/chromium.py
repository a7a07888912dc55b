"""The Chromium of the browser tests: where it is, and (`python -m tests.browser.chromium`) how it comes here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

SHELL = "chromium-headless-shell"  # the same without window, profile and settings, for two thirds of the time
WHOLE = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ["chromium", "fonts-dejavu-core", "fonts-noto-color-emoji"]
ADVICE = """No Chromium could be installed here. Any of these helps:
  install the package 'chromium' (or Google Chrome) with the system's package manager
  set CHROMIUM=/path/to/chromium
  .venv/bin/playwright install --with-deps chromium"""


def find_chromium(*, whole: bool = False) -> str | None:
    """Path of a Chromium that starts: CHROMIUM, the machine's, Playwright's own; None when there is none.

    `whole`: with a profile and its settings.
    """
    names = WHOLE if whole else (SHELL, *WHOLE)
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, names)]
    return next((path for path in candidates if path and _starts(path)), None) or _playwrights_own()


def install() -> bool:
    """Try the system's packages (as root, or by a sudo that asks nothing), then Playwright's download."""
    for command in _commands():
        print("$", *command, flush=True)
        subprocess.run(command, check=False, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
        if command[-1] != "update" and find_chromium():
            return True
    return False


def _commands() -> list[list[str]]:
    root = _root_prefix()
    download = [sys.executable, "-m", "playwright", "install", "chromium"]
    if root is None or not shutil.which("apt-get"):
        return [download]
    apt = [*root, "apt-get", "-q"]
    install = [*apt, "install", "-y", "--no-install-recommends", *PACKAGES]
    return [[*apt, "update"], [*install, SHELL], install, download]  # where there is no such package, apt installs none


def _root_prefix() -> list[str] | None:
    """What to write before a command that needs root; None when this account cannot have it without a password."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    allowed = shutil.which("sudo") and subprocess.run([*sudo, "true"], check=False, capture_output=True).returncode == 0
    return sudo if allowed else None


def _starts(path: str) -> bool:
    """A found program may be a stub (Ubuntu's points to a snap) or lack a library."""
    try:
        return subprocess.run([path, "--version"], check=False, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) and _starts(path) else None


def main() -> int:
    """0 when there is a Chromium now, or when there need not be one: outside CI."""
    if not find_chromium() and not install():
        print(ADVICE, file=sys.stderr)
        return int(bool(os.environ.get("CI")))
    print("Chromium for the browser tests:", find_chromium())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
