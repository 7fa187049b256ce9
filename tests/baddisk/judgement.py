"""What arrived, held against what the agent kept: nothing may be wrong, and nothing may be missing untold. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from edge_agent.localhub.arrivals import Arrival
from edge_agent.records import EnvelopeKey
from edge_agent.spool.reading import read_payloads
from tests.powercut.count import Event

UNTOLD = "nobody told"


@dataclass(slots=True)
class Delivered:
    """All that the hub took."""

    bodies: dict[EnvelopeKey, bytes] = field(default_factory=dict)
    told: dict[EnvelopeKey, str] = field(default_factory=dict)
    """why a batch was lost, as batches that arrived tell it"""

    def missing(self, keys: Iterable[EnvelopeKey]) -> dict[EnvelopeKey, str]:
        """Those that did not arrive, and what was told of each."""
        return {key: self.told.get(key, UNTOLD) for key in keys if key not in self.bodies}


def delivered(arrivals: Iterable[Arrival]) -> Delivered:
    """Read every payload to its last sample. Raises PayloadRefused; AssertionError where two contents have one name."""
    all_of_it = Delivered()
    for arrival in arrivals:
        [payload] = read_payloads(arrival.body, f"message {arrival.n}")
        key = EnvelopeKey(payload.boot, payload.seq)
        named = EnvelopeKey(int(arrival.properties["boot"]), int(arrival.properties["seq"]))
        assert key == named, f"message {arrival.n}: its payload says {key}, its properties say {named}"
        assert all_of_it.bodies.setdefault(key, arrival.body) == arrival.body, f"{key} came before with other bytes"
        for lost in cast("list[dict[str, int | str]]", payload.header["evicted"]):
            boot, first, last = (cast("int", lost[name]) for name in ("boot", "from", "to"))
            for seq in range(first, last + 1):
                all_of_it.told[EnvelopeKey(boot, seq)] = str(lost["why"])
    return all_of_it


def committed(events: Iterable[Event]) -> list[EnvelopeKey]:
    """The batches whose commit was reported before the disk failed, if it did."""
    boot = last = -1
    for event in events:
        if event["event"] == "spool.opened":
            boot = cast("int", event["boot"])
        elif event["event"] == "spool.batches_appended":
            last = cast("int", event["last_seq"])
        elif event["event"] == "spool.disk_left":
            break
    return [EnvelopeKey(boot, seq) for seq in range(last + 1)]


def sealed(events: Iterable[Event]) -> list[EnvelopeKey]:
    """The batches that got a number."""
    boot, keys = -1, []
    for event in events:
        if event["event"] == "spool.opened":
            boot = cast("int", event["boot"])
        elif event["event"] == "policy.batch_sealed":
            keys.append(EnvelopeKey(boot, cast("int", event["seq"])))
    return keys
