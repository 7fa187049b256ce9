"""A bounded queue between two clocks, with end-of-stream and counters.

Python 3.13's `Queue.shutdown` does the end-of-stream part; 3.11 and 3.12 are supported too.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")


class WhenFull(Enum):
    """What a full channel does with one more item."""

    WAIT = "wait"
    DROP_OLDEST = "drop_oldest"


class EndOfStream(Exception):  # noqa: N818  an end, not an error
    """The channel was closed and everything in it has been taken."""


class Channel(Generic[T]):
    """Items in order, at most `size` of them, between one writer and one reader on one event loop.

    `put` returns the item it displaced, so that the writer can count what was lost inside it.
    Cancelling `get` loses nothing; cancelling `put` on a full WAIT channel loses that one item.
    """

    def __init__(self, name: str, size: int, when_full: WhenFull) -> None:
        self.name = name
        self.put_total = 0
        self.taken_total = 0
        self.dropped_total = 0
        self._size = size
        self._when_full = when_full
        self._items: deque[T] = deque()  # bounded by `put`
        self._closed = False
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def __len__(self) -> int:
        return len(self._items)

    def make_room(self) -> T | None:
        """Take the oldest item out of a full DROP_OLDEST channel, for a writer whose next item tells of it."""
        if self._when_full is WhenFull.WAIT or len(self._items) < self._size:
            return None
        self.dropped_total += 1
        return self._items.popleft()

    async def put(self, item: T) -> T | None:
        """Add an item; wait for room, or return the oldest item that had to go."""
        displaced = self.make_room()
        while len(self._items) >= self._size:
            self._writable.clear()
            await self._writable.wait()
        if self._closed:
            raise AssertionError(f"channel {self.name!r} was written after its end")
        self._items.append(item)
        self.put_total += 1
        self._readable.set()
        return displaced

    async def get(self) -> T:
        """Take the oldest item; raise EndOfStream when the channel is closed and empty."""
        while not self._items:
            if self._closed:
                raise EndOfStream(self.name)
            self._readable.clear()
            await self._readable.wait()
        self.taken_total += 1
        self._writable.set()
        return self._items.popleft()

    def close(self) -> None:
        """End the stream; what is inside can still be taken."""
        self._closed = True
        self._readable.set()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            try:
                yield await self.get()
            except EndOfStream:
                return
