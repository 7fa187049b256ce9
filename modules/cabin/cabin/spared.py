"""Libraries that another one imports wherever it finds them, and that nothing here uses: `spared`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def spared(name: str) -> Iterator[None]:
    """Whoever imports it meanwhile, if it can, goes without; what is imported already stays."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # as Python's import system has it: import of it halted
    try:
        yield
    finally:
        del sys.modules[name]
