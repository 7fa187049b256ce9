"""Frames to samples, with what must be remembered from block to block. Pure."""

from collections.abc import Sequence

from edge_agent.decode.computed import Computation
from edge_agent.decode.decoder import look_up, samples_of
from edge_agent.decode.health import BusLine, Health
from edge_agent.decode.plan import DecodePlan
from edge_agent.decode.reassembly import Reassembly
from edge_agent.records import FrameBlock, SampleBlock


class Decoding:
    """One stream of blocks, each decoded by the plan of its time; the health of its buses is watched beside.

    Without `lines` nobody watches.
    """

    def __init__(self, plan: DecodePlan, lines: Sequence[BusLine] = ()) -> None:
        self._plan = plan
        self._health = Health(lines, plan) if lines else None
        self._reassembly = Reassembly(plan)
        self._computation = Computation(plan.computing)

    @property
    def left_out(self) -> Sequence[str]:
        """Computed paths of which a value was not finite, and so no sample; as they were met."""
        return self._computation.left_out

    def follow(self, plan: DecodePlan) -> None:
        """Go on with another plan of the same databases."""
        self._plan = plan
        if self._health:
            self._health.follow(plan)
        self._computation.follow(plan.computing)

    def feed(self, block: FrameBlock) -> SampleBlock:
        """The wanted signals of a block, in time order."""
        found = look_up(self._plan, block)
        samples, found = self._reassembly.feed(self._plan, block, found, samples_of(self._plan, block, found))
        if self._health:
            samples = self._health.feed(block, found, samples)
        return self._computation.feed(samples)

    def rest(self) -> SampleBlock | None:
        """What is still to be told of the buses when the stream ends, without samples."""
        return self._health.rest() if self._health else None
