"""The slow, obvious way to send a message in several packets."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from edge_agent.acquire.block import Frame
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.decode.plan import DecodePlan
from edge_agent.records import EXTENDED_ID, RawKind, SampleBlock
from tests.decode.frames import data_frame

EVERYBODY = 0xFF
STEP_NS = 10_000_000


class Sent(NamedTuple):
    """A frame, and whether its message cannot do without it."""

    frame: Frame
    needed: bool = True


def at_times(frames: Iterable[Sent], start_ns: int, step_ns: int = STEP_NS) -> list[Sent]:
    return [one._replace(frame=one.frame._replace(t_ns=start_ns + i * step_ns)) for i, one in enumerate(frames)]


def control_id(source: int, destination: int) -> int:
    return EXTENDED_ID | 7 << 26 | 0xEC0000 | destination << 8 | source


def data_id(source: int, destination: int) -> int:
    return EXTENDED_ID | 7 << 26 | 0xEB0000 | destination << 8 | source


def group_bytes(pgn: int) -> bytes:
    return pgn.to_bytes(3, "little")


def packets(payload: bytes) -> list[bytes]:
    parts = [payload[at : at + 7] for at in range(0, len(payload), 7)]
    return [bytes([number]) + part.ljust(7, b"\xff") for number, part in enumerate(parts, 1)]


def announcement(kind: int, pgn: int, payload: bytes) -> bytes:
    return bytes([kind]) + len(payload).to_bytes(2, "little") + bytes([len(packets(payload)), 0xFF]) + group_bytes(pgn)


def broadcast(pgn: int, payload: bytes, source: int, *, bus: int = 0) -> list[Sent]:
    """BAM, and its packets."""
    first = data_frame(control_id(source, EVERYBODY), announcement(32, pgn, payload), bus=bus)
    rest = [data_frame(data_id(source, EVERYBODY), packet, bus=bus) for packet in packets(payload)]
    return [Sent(frame) for frame in (first, *rest)]


def connection(
    pgn: int, payload: bytes, source: int, destination: int, *, again: Sequence[int] = (), window: int = 4, bus: int = 0
) -> list[Sent]:
    """RTS, and its packets between the receiver's CTS; after `again` packets the receiver asks for the window again."""
    pair, back = (source, destination), (destination, source)
    group = group_bytes(pgn)
    all_packets = packets(payload)
    sent = [Sent(data_frame(control_id(*pair), announcement(16, pgn, payload), bus=bus))]
    at = 0
    repeated = set(again)
    while at < len(all_packets):
        allowed = bytes([17, window, at + 1, 0xFF, 0xFF]) + group
        sent.append(Sent(data_frame(control_id(*back), allowed, bus=bus), needed=False))
        now = all_packets[at : at + window]
        sent += [Sent(data_frame(data_id(*pair), packet, bus=bus)) for packet in now]
        if at in repeated:
            repeated.remove(at)
        else:
            at += len(now)
    done = bytes([19]) + len(payload).to_bytes(2, "little") + bytes([len(all_packets), 0xFF]) + group
    return [*sent, Sent(data_frame(control_id(*back), done, bus=bus), needed=False)]


def fast_packet(can_id: int, payload: bytes, counter: int, *, bus: int = 0) -> list[Sent]:
    """NMEA 2000's, the last frame filled up."""
    whole = bytes([len(payload)]) + payload
    parts = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    return [
        Sent(data_frame(can_id, bytes([counter << 5 | number]) + part.ljust(7, b"\xff"), bus=bus))
        for number, part in enumerate(parts)
    ]


def whole_message(name: str, can_id: int, length: int, *, fast: bool = False) -> Message:
    """A group of which every bit is in a signal: words of 64 bits, of both byte orders in turn, from bit 4 on."""
    signals = [_signal("First", BitField(0, 4, big_endian=False))]
    at = 4
    while at < 8 * length:
        bits = min(64, 8 * length - at)
        signals.append(_signal(f"At{at}", BitField(at, bits, big_endian=False)))
        at += bits
    signals += [_signal(f"Motorola{at}", BitField(8 * at + 3, 61, big_endian=True)) for at in range(0, length - 8, 57)]
    return Message(name, can_id, length, tuple(signals), j1939=True, fast_packet=fast)


def _signal(name: str, field: BitField) -> Signal:
    return Signal(name, field, RawKind.UNSIGNED, 1.0, 0.0, "")


def bus_of(*messages: Message) -> Catalog:
    return Catalog([("can0", [Database("truck.dbc", messages)])])


def numbers(plan: DecodePlan, samples: SampleBlock) -> dict[int, dict[str, int]]:
    """By time and public name: the raw values, unsigned."""
    found: dict[int, dict[str, int]] = {}
    for t_ns, signal, raw in zip(samples.t_ns.tolist(), samples.signal.tolist(), samples.raw.tolist(), strict=True):
        name = plan.signals[signal].name
        assert name not in found.setdefault(t_ns, {})
        found[t_ns][name] = raw % (1 << 64)
    return found
