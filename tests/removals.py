"""The suite tested: each safeguard is taken out of a copy of the code in turn, and a named test has to turn red.

python tests/removals.py [NAME ...]      exit code 1 when a removal went unnoticed
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TURNS = "tests/conversations/test_turns.py"


@dataclass(frozen=True, slots=True)
class Removal:
    """`pattern` in `file` becomes `instead`; `test` is what must notice."""

    name: str
    file: str
    pattern: str
    instead: str
    test: str


REMOVALS = (
    Removal(
        "unique key", "conversations/migrations/0001_initial.py",
        r"migrations\.AddConstraint\(\s*model_name='message',\s*constraint=[^\n]*message_event_once'\),\s*\),", "",
        f"{TURNS}::test_a_repeated_event_is_answered_like_the_first_and_ignored",
    ),
    Removal(
        "fencing check", "conversations/turns.py",
        r"\.filter\(pk=held\.conversation\.pk, lease_token=held\.token, lease_until__isnull=False\)",
        ".filter(pk=held.conversation.pk)", f"{TURNS}::test_a_holder_that_slept_through_its_lease_changes_nothing",
    ),
    Removal(
        "fencing of an undisturbed turn", "conversations/undisturbed.py", r" AND lease_token = %\(token\)s", "",
        "tests/conversations/test_undisturbed.py"
        "::test_a_holder_that_lost_its_lease_or_was_written_to_closes_nothing",
    ),
    Removal(
        "token of a send", "conversations/models/delivery.py", r"token=self\.token\)\n", "attempts=self.attempts)\n",
        "tests/conversations/test_delivery.py::test_who_slept_between_reading_a_part_and_taking_it_does_not_send_it",
    ),
    Removal(
        "attempts before the call", "conversations/turns.py", r"attempts=turn\.attempts, ", "",
        f"{TURNS}::test_killed_between_claim_and_close_the_sweeper_answers_once",
    ),
    Removal(
        "tool journal", "conversations/toolbox.py",
        r"started = any\(row\.effects != \"none\" for row in rows\)", "started = False",
        "tests/chaos/test_crash_points.py::test_a_crash_at_each_boundary[tool ran]",
    ),
    Removal(
        "on_commit", "conversations/accept.py", r"transaction\.on_commit\(lambda: (sessions\.put\(.*?\))\)\n", r"\1\n",
        "tests/conversations/test_sessions.py::test_a_message_that_was_not_stored_leaves_no_session",
    ),
    Removal(
        "sweeper", "conversations/runner.py", r"\(self\._sweep, settings\.SWEEP_SECONDS\),", "",
        f"{TURNS}::test_killed_between_claim_and_close_the_sweeper_answers_once",
    ),
    Removal(
        "constant-time compare", "channels_integrations/platforms/webhook/signature.py",
        r"hmac\.compare_digest\(_given\(part\), expected\)", "_given(part) == expected",
        "tests/conversations/test_webhooks.py::test_signatures_are_compared_in_constant_time",
    ),
    Removal(
        "Origin check", "conversations/consumers.py", r"if not origin_allowed\(self\.scope\):", "if False:",
        "tests/conversations/test_socket_refusals.py::test_foreign_pages_are_refused",
    ),
)  # fmt: skip


def noticed(removal: Removal, folder: Path) -> bool:
    """Whether the named test holds, and fails without the safeguard.

    Raises ValueError where there is nothing to take out, or where the test proves nothing.
    """
    if not holds(removal.test, folder):
        raise ValueError(f"{removal.test} is red already, so that it proves nothing")
    file = folder / removal.file
    whole = file.read_text()
    spoiled, count = re.subn(removal.pattern, removal.instead, whole, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{removal.name!r} is found {count} times in {removal.file}; mend its pattern")
    file.write_text(spoiled)
    try:
        return not holds(removal.test, folder)
    finally:
        file.write_text(whole)


def holds(test: str, folder: Path) -> bool:
    """Whether the test is green. Raises ValueError when it is neither that nor red."""
    run = subprocess.run(
        [sys.executable, "tests/run.py", "-q", "-x", "-p", "no:cacheprovider", test],
        cwd=folder, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if run.returncode not in (0, 1):  # no such test, or it could not be run
        raise ValueError(f"{test} did not run: {run.stdout[-2000:]}{run.stderr[-500:]}")
    return run.returncode == 0


def copy(folder: Path) -> None:
    """The code as it stands here, without what was made from it."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.splitlines():
        if (ROOT / name).exists():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)


def main(wanted: list[str]) -> int:
    """0 when each was noticed."""
    chosen = [removal for removal in REMOVALS if not wanted or removal.name in wanted]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        copy(folder)
        found = 0
        for removal in chosen:
            red = noticed(removal, folder)
            found += red
            print(f"{'red   ' if red else 'UNSEEN'}  {removal.name}: {removal.test}", flush=True)
    print(f"{found} of {len(chosen)} removals found")
    return int(found < len(chosen) or not chosen)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
