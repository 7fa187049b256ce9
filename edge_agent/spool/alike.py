"""A column of numbers that are mostly one and the same. Pure.

Few rules let their batches expire or be thinned, so what a segment keeps of that is most often one number. It is kept
once until another one comes.
"""

from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class Alike:
    """Unsigned integers of 32 bits, by place."""

    def __init__(self, numbers: "array[int] | None" = None) -> None:
        numbers = array("I") if numbers is None else numbers
        self._count = len(numbers)
        self._number = numbers[0] if numbers else 0
        """of all places, while there are no `_numbers`"""
        self._numbers = numbers if any(one != self._number for one in numbers) else None

    @classmethod
    def of(cls, rows: NDArray[np.unsignedinteger]) -> "Alike":
        """As an array has them."""
        return cls(array("I", rows.astype(np.uint32).tobytes()))

    def __getitem__(self, place: int) -> int:
        return self._number if self._numbers is None else self._numbers[place]

    def append(self, number: int) -> None:
        """At the end."""
        if self._count == 0:
            self._number = number
        elif self._numbers is None and number != self._number:
            self._numbers = array("I", [self._number]) * self._count
        if self._numbers is not None:
            self._numbers.append(number)
        self._count += 1

    def at(self, places: Iterable[int]) -> "Alike":
        """Those at these places alone."""
        return Alike(array("I", (self[place] for place in places)))

    def rows(self) -> NDArray[np.uint32]:
        """All of them; not to be held on to while more may come."""
        if self._numbers is None:
            return np.full(self._count, self._number, np.uint32)
        return np.frombuffer(self._numbers, np.uint32)
