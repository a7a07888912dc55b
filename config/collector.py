"""Python's garbage collector, kept from what it would look at in vain.

All that is there when a process has started lives as long as it does: modules, models, settings, a quarter of a million
objects. To look them all through takes a quarter of a second, in which nobody is answered, every few seconds under
load.
"""

from __future__ import annotations

import gc


def settle() -> None:
    """Call it once a process has started."""
    gc.collect()
    gc.freeze()
