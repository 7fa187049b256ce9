"""Memory of large buffers goes back to the system as soon as they are freed.

glibc takes the first large buffer from the system and gives it back, and from then on keeps room for another one of
that size (mallopt(3), M_MMAP_THRESHOLD): a start that reads a segment of 4 MB would hold 4 MB for good.
"""

import ctypes
from contextlib import suppress
from typing import Final

LARGE_BYTES: Final = 1 << 20
"""What the stages need for each block is far below."""
_M_MMAP_THRESHOLD: Final = -3
"""of malloc.h"""


def give_back_large_buffers() -> None:
    """From now on, in the whole process; elsewhere than with glibc nothing changes."""
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
