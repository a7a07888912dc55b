"""Python's garbage collector, kept from what it would look at in vain, and memory that only the start needed.

All that is there when a process has started lives as long as it does: modules, models, settings, a quarter of a million
objects. To look them all through takes a quarter of a second, in which nobody is answered, every few seconds under
load. And nearly all that a turn makes ends without the collector: to look for the rest after every 700 objects, as
Python does unless told otherwise, was a seventh of the time that a turn takes of a core. A start also leaves 5 to 10 MB
that the C library keeps for later, unless it is asked to give them back (glibc; others have no such call).
"""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

YOUNG = 50_000  # objects, a few MB, after which those that came since are looked through


def settle() -> None:
    """Call it once a process has started."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 5, 5)
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
