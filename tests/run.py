"""The whole suite on a private PostgreSQL and Redis, each part in a pytest process of its own.

The parts: the main suite; its core again on SQLite without Redis; the chaos gate; the browser tests. With
arguments, only what they ask of pytest is run: `python tests/run.py tests/bots -k price`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import find_chromium  # noqa: E402
from tests.devservices import services  # noqa: E402

IN_CI = bool(os.environ.get("CI"))
NO_TESTS = 5  # pytest's exit code


def run_suite(addresses: dict[str, str]) -> int:
    """The worst exit code of the parts. The last lines are a summary of all, and what was not run."""
    embedded = {name: value for name, value in os.environ.items() if name not in addresses}
    parts = [
        (["-m", "not browser and not chaos"], os.environ | addresses),
        (["-m", "embedded"], embedded),
        (["tests/chaos", "-m", "chaos", "-s"], dict(os.environ)),  # with stores of its own, to be stopped and killed
    ]
    missing = ""
    if any(ROOT.glob("tests/browser/**/test_*.py")):
        if find_chromium():  # Playwright leaves a running event loop in its thread: hence a process of its own
            parts.append((["tests/browser", "-m", "browser"], os.environ | addresses))
        else:
            missing = "not run: browser tests (make browser installs a Chromium)"
    started, counts, worst = time.monotonic(), Counter[str](), int(IN_CI and bool(missing))
    for arguments, environment in parts:
        code, found = run_part(arguments, environment)
        worst, counts = max(worst, code), counts + found
    print(f"\n{_summary(counts, time.monotonic() - started):=^80}")
    if missing:
        print(missing)
    return worst


def run_part(arguments: list[str], environment: dict[str, str]) -> tuple[int, Counter[str]]:
    """Exit code and counts of one pytest process. That it found no test is a failure in CI only."""
    print(f"\n$ pytest {' '.join(arguments)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        code = _pytest([f"--junitxml={report}", *arguments], environment)
        counts = _counts(report) if report.exists() else Counter[str]()
    return (0 if code == NO_TESTS and not IN_CI else code), counts


def _pytest(arguments: list[str], environment: dict[str, str]) -> int:
    code = subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=environment)
    return code if code >= 0 else 128 - code  # ended by a signal, as a shell tells it


def _counts(report: Path) -> Counter[str]:
    counts = Counter[str]()
    for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314  our own pytest wrote it
        of = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
        counts += Counter(failed=of["failures"], errors=of["errors"], skipped=of["skipped"])
        counts["passed"] += of["tests"] - of["failures"] - of["errors"] - of["skipped"]
    return counts


def _summary(counts: Counter[str], seconds: float) -> str:
    told = [f"{counts[name]} {name}" for name in ("failed", "passed", "skipped", "errors") if counts[name]]
    return f" {', '.join(told) or 'no tests ran'} in {seconds:.2f}s "


def main(arguments: list[str]) -> int:
    """Exit code of the suite, or of the one run that the arguments ask for."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that the servers are stopped
    with services() as addresses:
        return _pytest(arguments, os.environ | addresses) if arguments else run_suite(addresses)


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
