"""Everything that a hub can be made to do wrong to an agent, and in which order it is done. Pure."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from edge_agent.uplink.deliver import UNREACHABLE
from edge_agent.uplink.quarantine import Patience

HURRIED_HEALTHY_S: Final = 1.0
"""What the back-off calls a healthy connection in a hurried soak, which has no time for the product's own 10 s."""
HURRIED_PATIENCE: Final = Patience(first_s=3.0, healthy_s=HURRIED_HEALTHY_S)
"""Nor for a minute until what connections died of is tried again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail, as the knobs of the local hub say it."""

    name: str
    knobs: Mapping[str, bool | float | str]
    drop: bool = True
    """whether the connection there is goes down as it begins, so that the next one meets it from its first byte"""


FAULTS: Final = (
    Fault("the link is dropped, once", {}),
    Fault("refuse with a code", {"refuse_code": 3}),
    Fault("mute accept", {"mute_accept": True}),
    Fault("no CONNACK", {"no_connack": True}),
    Fault("never ack", {"never_ack": True}, drop=False),
    Fault("slow ack", {"ack_delay_s": 0.5}, drop=False),
    Fault("drop before a message is taken", {"drop_after": 100, "drop_how": "abort"}),
    Fault("drop before an ack", {"drop_after": 100, "drop_how": "before_ack"}),
    Fault("drop half-way in an ack", {"drop_after": 100, "drop_how": "half_ack"}),
    Fault("drop after an ack", {"drop_after": 100, "drop_how": "after_ack"}),
    Fault("forget sessions", {"forget_sessions": True}),
    Fault("mute twin", {"no_twin_reply": True}),
    Fault("mute SUBACK", {"no_suback": True}),
    Fault("throttle", {"bytes_per_s": 50_000.0}, drop=False),
    Fault("close on an oversize message", {"longest_packet_bytes": 64 * 1024}),
)
"""Code 3 says that the hub is not available; 5 would say that our key is wrong, and is tried again slowly on purpose.

Every twelfth message is longer than 64 KB: they are no loss, for one that connections die of waits in quarantine until
the fault is over.
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault, for how long, and how long all is well behind it."""

    fault: Fault
    lasts_s: float
    healthy_s: float


def trials(seed: int, *, hurried: bool) -> Iterator[Trial]:
    """Each fault alone, in order, then all of them at random for ever, no one twice before each was once.

    `hurried`: short ones, each once, at random.
    """
    dice = random.Random(seed)  # noqa: S311  what goes wrong when is no secret
    for turn in count():
        order = dice.sample(FAULTS, len(FAULTS)) if turn or hurried else FAULTS
        for fault in order:
            if hurried:
                yield Trial(fault, dice.uniform(1, 3), dice.uniform(1.5, 2.5))
            else:
                yield Trial(
                    fault, dice.uniform(3, 8), dice.uniform(UNREACHABLE.healthy_s + 0.5, UNREACHABLE.healthy_s + 2)
                )
        if hurried:
            return
