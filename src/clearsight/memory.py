"""What becomes of memory that a process has freed."""

from __future__ import annotations

import ctypes
from contextlib import suppress

__all__ = ["keep_freed"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Settings of glibc's malloc, as its header numbers them."""


def keep_freed() -> None:
    """Have freed memory handed out again, where malloc is glibc's.

    By itself that gives arrays of some megabytes back to the system, so that each layer of each step has its pages made
    anew, which took a third of a sampler's time. Larger ones still go back, or fragments would add up.
    """
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, 32 * 2**20)  # the most that it takes
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
