"""`python -m calendar_bridge`: the process. Exit 0 after SIGTERM, 1 where an operator must help."""

import asyncio
import sys

from calendar_bridge.app import until_told
from calendar_bridge.errors import BridgeError
from calendar_bridge.logs import json_lines
from calendar_bridge.settings import from_environment


def main() -> None:
    """Run until told to stop."""
    try:
        asyncio.run(until_told(from_environment(), json_lines()))
    except* BridgeError as group:
        sys.exit("\n".join(f"calendar-bridge: {error}" for error in _leaves(group)))


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf for one in group.exceptions for leaf in (_leaves(one) if isinstance(one, BaseExceptionGroup) else [one])
    ]


if __name__ == "__main__":
    main()
