"""The whole suite on a private PostgreSQL and Redis, each part in a pytest process of its own.

The parts: the main suite in four; its core again on SQLite without Redis; the browser tests in two; the chaos gate.
Most tests wait more than they compute, so four parts run side by side, those with the servers each with a database of
its own. The gate has its own stores: two lanes of it run side by side, and then alone what takes every core there is.
With arguments, only what they ask of pytest is run: `python tests/run.py tests/bots -k price`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import find_chromium  # noqa: E402
from tests.devservices import services  # noqa: E402

IN_CI = bool(os.environ.get("CI"))
NO_TESTS = 5  # pytest's exit code
SIDE_BY_SIDE = 4
BROWSER = ["-m", "browser"]  # Playwright leaves a running event loop in its thread: hence a process of its own
PAYLOADS = [f"tests/browser/test_{name}.py" for name in ("admin_payloads", "first_steps", "safety")]
PLATFORMS = "tests/channels_integrations"
DOORS = [f"tests/conversations/{name}" for name in ("admin", "api", "gateways")]

GATE = ["-m", "chaos and not long", "-s"]
LANES = [  # of the gate: they wait, mostly
    ["discord", "gateways", "shards", "telegram"],
    ["crash_points", "sends", "sockets"],
]

Part = tuple[list[str], dict[str, str]]  # pytest's arguments, its environment
Result = tuple[int, Counter[str]]  # its exit code, what it counted
_running: set[subprocess.Popen[str]] = set()


def run_suite(addresses: dict[str, str]) -> int:
    """The worst exit code of the parts. The last lines are a summary of all, and what was not run."""
    parts, missing = _parts(addresses), ""
    if not find_chromium():
        parts = [part for part in parts if BROWSER[1] not in part[0]]
        missing = "not run: browser tests (make browser installs a Chromium)"
    started = time.monotonic()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool, _ending_them():
        results = [*pool.map(run_part, parts), *pool.map(run_part, _gate(LANES)), *map(run_part, _gate([_left()]))]
    counts = sum((found for _code, found in results), Counter[str]())
    print(f"\n{_summary(counts, time.monotonic() - started):=^80}")
    if missing:
        print(missing)
    return max(int(IN_CI and bool(missing)), *(code for code, _found in results))


def _parts(addresses: dict[str, str]) -> list[Part]:
    """What runs side by side, the long ones first."""
    embedded = {name: value for name, value in os.environ.items() if name not in addresses}
    main = ["-m", "not browser and not chaos"]
    return [
        (["tests", *_without(["tests/conversations", PLATFORMS]), *main], _apart(addresses, "first", 0)),
        (["tests/browser", *_without(PAYLOADS), *BROWSER], embedded),
        (["tests/conversations", *_without(DOORS), *main], _apart(addresses, "second", 2)),
        ([*DOORS, *main], _apart(addresses, "third", 3)),
        ([*_marked("embedded"), "-m", "embedded"], embedded),
        ([*PAYLOADS, *BROWSER], embedded),
        ([PLATFORMS, *main], _apart(addresses, "fourth", 4)),
    ]


def _gate(lanes: list[list[str]]) -> list[Part]:
    return [([*(f"tests/chaos/test_{name}.py" for name in lane), *GATE], dict(os.environ)) for lane in lanes]


def _left() -> list[str]:
    """What of the gate is in no lane: it takes every core there is, or counts seconds."""
    every = (file.stem.removeprefix("test_") for file in ROOT.glob("tests/chaos/test_*.py"))
    return sorted(set(every).difference(*LANES))


def _marked(name: str) -> list[str]:
    """Files with tests that are marked so: to collect all others takes as long as some of them."""
    found = (file for file in sorted(ROOT.glob("tests/**/test_*.py")) if f"mark.{name}" in file.read_text())
    return [str(file.relative_to(ROOT)) for file in found]


def _without(places: list[str]) -> list[str]:
    return [f"--ignore={place}" for place in places]


@contextlib.contextmanager
def _ending_them() -> Iterator[None]:
    """When this ends before its time, so do they."""
    try:
        yield
    finally:
        for process in tuple(_running):
            process.terminate()


def _apart(addresses: dict[str, str], name: str, number: int) -> dict[str, str]:
    """The same servers, other databases: pytest makes `test_<name>` of the one, the other is emptied between tests."""
    return {
        **os.environ,
        "DATABASE_URL": f"{addresses['DATABASE_URL'].rpartition('/')[0]}/{name}",
        "REDIS_URL": f"{addresses['REDIS_URL'].rpartition('/')[0]}/{number}",
    }


def run_part(part: Part) -> Result:
    """Exit code and counts of one pytest process, told when it ends. That it found no test is a failure in CI only."""
    arguments, environment = part
    print(f"$ pytest {' '.join(arguments)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", f"--junitxml={report}", *arguments], cwd=ROOT, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        _running.add(process)
        told, _none = process.communicate()
        _running.discard(process)
        print(f"\n$ pytest {' '.join(arguments)}\n{told}", flush=True)
        counts = _counts(report) if report.exists() else Counter[str]()
    code = _as_told(process.returncode)
    return (0 if code == NO_TESTS and not IN_CI else code), counts


def _pytest(arguments: list[str], environment: dict[str, str]) -> int:
    return _as_told(subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=environment))


def _as_told(code: int) -> int:
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
