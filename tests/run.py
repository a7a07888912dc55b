"""The whole suite, each part in a pytest process of its own, on a private PostgreSQL and Redis.

    python tests/run.py                        main suite; its core again on SQLite without Redis; browser tests
    python tests/run.py tests/bots -k price    only this, by pytest's own arguments, on PostgreSQL and Redis
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
from xml.etree import ElementTree  # reads what our own pytest wrote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import find_chromium  # noqa: E402
from tests.devservices import services  # noqa: E402

NO_TESTS = 5  # pytest's exit code


class Suite:
    """Runs pytest part by part, keeps the worst exit code and adds up the counts."""

    def __init__(self, folder: Path) -> None:
        self.report = folder / "report.xml"
        self.worst = 0
        self.counts: Counter[str] = Counter()
        self.strict = bool(os.environ.get("CI"))
        self.started = time.monotonic()

    def run(self, *arguments: str, environment: dict[str, str], may_be_empty: bool = False) -> None:
        """One pytest process; that it found no test is no failure where it may be empty, unless in CI."""
        print(f"\n$ pytest {' '.join(arguments)}", flush=True)
        command = [sys.executable, "-m", "pytest", f"--junitxml={self.report}", *arguments]
        code = subprocess.call(command, cwd=ROOT, env=environment)
        if code == NO_TESTS and may_be_empty and not self.strict:
            code = 0
        self.worst = max(self.worst, abs(code))  # negative: ended by a signal
        self._count()

    def skip(self, line: str) -> None:
        """Say last what was not run: a failure in CI, where nothing may be left out unseen."""
        self.worst = max(self.worst, int(self.strict))
        self.summarize()
        print(line, flush=True)

    def summarize(self) -> None:
        """All parts together, in the form of pytest's own last line."""
        parts = [f"{self.counts[name]} {name}" for name in ("failed", "passed", "skipped", "errors") if self.counts[name]]
        took = time.monotonic() - self.started
        print(f"\n{f' {", ".join(parts)} in {took:.2f}s ' if False else ' ' + ', '.join(parts) + f' in {took:.2f}s ':=^80}")

    def _count(self) -> None:
        if not self.report.exists():
            return
        for suite in ElementTree.parse(self.report).iter("testsuite"):
            found = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
            self.counts["failed"] += found["failures"]
            self.counts["errors"] += found["errors"]
            self.counts["skipped"] += found["skipped"]
            self.counts["passed"] += found["tests"] - found["failures"] - found["errors"] - found["skipped"]
        self.report.unlink()
