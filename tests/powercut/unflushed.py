"""The agent on a system whose flushes do nothing: what the count over power cuts must find out."""

import os
from typing import TYPE_CHECKING

from edge_agent.cli import main

if TYPE_CHECKING:
    from _typeshed import HasFileno


def _say_done(fd: "int | HasFileno") -> None:
    """As a disk does that keeps it to itself."""


if __name__ == "__main__":
    os.fsync = _say_done
    os.fdatasync = _say_done
    main()
