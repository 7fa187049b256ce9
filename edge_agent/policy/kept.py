"""Samples on their way from a rule's keeper into its batch. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_agent.records import F64, I64


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """m samples of one rule's signals; `signal` counts within the rule."""

    t_ns: I64
    signal: I64
    raw: I64
    value: F64

    def __len__(self) -> int:
        return len(self.t_ns)

    def take(self, at: I64) -> "Samples":
        """The samples at these positions, in this order."""
        return Samples(self.t_ns.take(at), self.signal.take(at), self.raw.take(at), self.value.take(at))

    def head(self, count: int) -> "Samples":
        """The first `count`; views."""
        return Samples(self.t_ns[:count], self.signal[:count], self.raw[:count], self.value[:count])

    def tail(self, begin: int) -> "Samples":
        """All from `begin` on; views."""
        return Samples(self.t_ns[begin:], self.signal[begin:], self.raw[begin:], self.value[begin:])

    def by_time(self) -> "Samples":
        """In time order; equal times keep their order."""
        return self.take(self.t_ns.argsort(kind="stable"))

    def then(self, later: "Samples") -> "Samples":
        """Both, one after the other."""
        if not len(later):
            return self
        if not len(self):
            return later
        return joined((self, later))


def joined(parts: Sequence[Samples]) -> Samples:
    """All parts, of which there is at least one, one after the other."""
    return Samples(
        np.concatenate([part.t_ns for part in parts]),
        np.concatenate([part.signal for part in parts]),
        np.concatenate([part.raw for part in parts]),
        np.concatenate([part.value for part in parts]),
    )


NOTHING = Samples(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


class Keeper(Protocol):
    """One rule's judgement, with the little state it needs between blocks.

    What is kept does not depend on how the stream was cut into blocks.
    """

    def keep(self, samples: Samples) -> Samples:
        """What is kept for good now, per signal in time order; `samples` in the order of the stream."""

    def due(self, until_ns: int) -> Samples:
        """What is kept because time has reached `until_ns`."""

    def rest(self) -> Samples:
        """What is kept because the rule ends here."""
