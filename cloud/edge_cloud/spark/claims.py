"""Who has a name: of messages that come by one (device, boot, seq), the batch, its copies, its contradictions. Pure."""

from dataclasses import dataclass
from enum import Enum, auto

from edge_cloud.decode import decode
from edge_cloud.records import Message
from edge_cloud.spark.keys import Facts


@dataclass(frozen=True, slots=True)
class Claim:
    """A message, and what is known of its name before it is decoded."""

    message: Message
    name: tuple[str, int, int] | None
    """device, boot, seq; None where none can be read"""
    facts: Facts | None
    """None where it has no name"""
    known: frozenset[Facts]
    """what the batches of its name say that are in the tables: the same in all claims to a name"""


class Verdict(Enum):
    """What a claim is."""

    NEW = auto()
    """the decoder's: a batch, or no payload"""
    COPY = auto()
    CONTRADICTION = auto()


class Judge:
    """Of claims in the order of their names, and within a name of their arrival; keeps what one name is about.

    The first of a name has it, unless a batch in the tables does. One that the decoder refuses has nothing: the next
    is judged as if it were the first. A copy is not decoded, so nobody learns whether its samples are broken.
    """

    def __init__(self) -> None:
        self._name: tuple[str, int, int] | None = None
        self._taken: set[Facts | None] = set()
        self._unproved: Message | None = None
        self._bodies: set[tuple[str, bytes]] = set()

    def verdict(self, claim: Claim) -> Verdict:
        """What it is, by those of its name before it."""
        if claim.name is None:
            return Verdict.NEW
        if claim.name != self._name:
            self._name, self._taken, self._unproved, self._bodies = claim.name, {*claim.known}, None, set()
        body = (claim.message.device, claim.message.body)
        if body in self._bodies:
            return Verdict.COPY
        self._bodies.add(body)
        self._prove()
        if not self._taken:
            self._taken, self._unproved = {claim.facts}, claim.message
            return Verdict.NEW
        return Verdict.COPY if claim.facts in self._taken else Verdict.CONTRADICTION

    def _prove(self) -> None:
        """Only where a second one differs: most names have one claim, which is decoded with others."""
        if self._unproved is not None and decode([self._unproved]).batches.num_rows == 0:
            self._taken = set()
        self._unproved = None
