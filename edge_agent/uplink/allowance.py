"""What may be sent now, between the one who decides it (`tariff.py`) and the one who leases by it."""

import asyncio

from edge_agent.records import ANYTHING, Terms


class Allowance:
    """The terms of every lease; whoever holds leases of other terms gives them back."""

    def __init__(self, terms: Terms = ANYTHING) -> None:
        self._terms = terms
        self._changed = asyncio.Event()

    @property
    def terms(self) -> Terms:
        """As of now; its parts are all there are."""
        return self._terms

    def allow(self, terms: Terms) -> None:
        """From now on these."""
        if terms != self._terms:
            self._terms = terms
            self._changed.set()
            self._changed = asyncio.Event()

    async def changed(self, terms: Terms) -> None:
        """Wait until the terms are others than these."""
        while self._terms == terms:
            await self._changed.wait()
