"""A vehicle without a phone: meetings are shown without a button."""

import asyncio

from cabin.errors import CallFailed


class NoDialer:
    """Implements `ports.Dialer`."""

    state = "none"

    async def run(self) -> None:
        """As `ports.Dialer`."""
        await asyncio.Event().wait()

    async def dial(self, number: str, tones: str) -> None:
        """As `ports.Dialer`."""
        del number, tones
        raise CallFailed("no phone is set up")

    async def close(self) -> None:
        """As `ports.Dialer`."""
