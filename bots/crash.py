"""Named points at which a process can be made to die, so that every boundary of a turn can be tested. Tests only.

`CRASH_AT=<point>` in the environment kills this process with SIGKILL the first time it comes there.
"""

from __future__ import annotations

import os
import signal

POINTS = (
    "webhook stored", "events taken", "events read", "turn claimed", "model answered", "tools journaled", "tool ran",
    "tools done", "turn closing", "turn closed", "send begun", "send taken", "send settled",
)  # fmt: skip
EDIT_POINTS = ("placeholder begun", "placeholder taken", "send placed")  # where an answer is sent by editing


def point(name: str) -> None:
    """Where `name` is asked for, nothing comes after this."""
    if os.environ.get("CRASH_AT") == name:
        os.kill(os.getpid(), signal.SIGKILL)
