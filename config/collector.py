"""Python's garbage collector, kept from what it would look at in vain.

All that is there when a process has started lives as long as it does: modules, models, settings, a quarter of a million
objects. To look them all through takes a quarter of a second, in which nobody is answered, every few seconds under
load. And nearly all that a turn makes ends without the collector: to look for the rest after every 700 objects, as
Python does unless told otherwise, was a seventh of the time that a turn takes of a core.
"""

from __future__ import annotations

import gc

YOUNG = 50_000  # objects, a few MB, after which those that came since are looked through


def settle() -> None:
    """Call it once a process has started."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
