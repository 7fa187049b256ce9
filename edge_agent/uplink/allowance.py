"""What may be sent now, between those who decide it (`tariff.py`, `power/turns.py`) and the one who leases by it."""

import asyncio
from dataclasses import replace

from edge_agent.records import ANYTHING, Terms


class Allowance:
    """The terms of every lease; whoever holds leases of other terms gives them back."""

    def __init__(self, terms: Terms = ANYTHING) -> None:
        self._terms = terms
        self._last_priority = terms.last_priority
        """of what `allow` said, which counts beside the limit"""
        self._limit = ANYTHING.last_priority
        self._changed = asyncio.Event()

    @property
    def terms(self) -> Terms:
        """As of now; its parts are all there are."""
        return self._terms

    def allow(self, terms: Terms) -> None:
        """From now on these, as far as there is no limit."""
        self._last_priority = terms.last_priority
        self._set(terms)

    def limit(self, last_priority: int) -> None:
        """Whatever is allowed, nothing of a greater priority number goes; of -1 nothing at all, 9 limits nothing."""
        self._limit = last_priority
        self._set(self._terms)

    async def changed(self, terms: Terms) -> None:
        """Wait until the terms are others than these."""
        while self._terms == terms:
            await self._changed.wait()

    def _set(self, terms: Terms) -> None:
        terms = replace(terms, last_priority=min(self._last_priority, self._limit))
        if terms != self._terms:
            self._terms = terms
            self._changed.set()
            self._changed = asyncio.Event()
