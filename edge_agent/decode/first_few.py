"""The first few of what may be many, for a person to begin with. Pure."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

FEW = 8


class FirstFew(Generic[T]):
    """At most `FEW` different ones, in the order they were met."""

    def __init__(self) -> None:
        self.met: tuple[T, ...] = ()

    @property
    def full(self) -> bool:
        """Whether nothing more will be kept."""
        return len(self.met) == FEW

    def add(self, more: Iterable[T]) -> None:
        """Keep those that are new, as long as there is room."""
        if not self.full:
            self.met = tuple(dict.fromkeys((*self.met, *more)))[:FEW]
