import numpy as np

from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.decode.first_few import FirstFew
from edge_agent.decode.plan import compile_plan
from edge_agent.decode.ranges import ENOUGH, Ranges
from edge_agent.records import BusCounts, ClockQuality, RawKind, SampleBlock

FREE = Signal("Free", BitField(0, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "")
BELOW = Signal("Below", BitField(8, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "", highest=100)
ABOVE = Signal("Above", BitField(16, 8, big_endian=False), RawKind.SIGNED, 1.0, 0.0, "", lowest=-5)
A, B = Message("A", 1, 3, (FREE, BELOW)), Message("B", 2, 3, (ABOVE,))
CATALOG = Catalog([("one", [Database("a.dbc", (A,))]), ("two", [Database("b.dbc", (B,))])])


class Desk:
    def __init__(self, *wanted: str, catalog: Catalog = CATALOG) -> None:
        self.names = [FirstFew[str](), FirstFew[str]()]
        self.ranges = Ranges(compile_plan(catalog, wanted).expected, self.names)

    def feed(self, *samples: tuple[int, float]) -> list[int]:
        """How many are outside on each bus, of (signal, value) and all before."""
        signal, value = zip(*samples, strict=True) if samples else ((), ())
        times = np.zeros(len(samples), np.int64)
        self.ranges.feed(
            SampleBlock(
                times,
                np.array(signal, np.uint32),
                times,
                np.array(value, np.float64),
                (BusCounts(), BusCounts()),
                until_ns=0,
                uptime_ns=0,
                clock=ClockQuality.RECORDED,
            )
        )
        return self.ranges.outside


def test_samples_below_or_above_are_counted_by_bus_with_the_first_names() -> None:
    desk = Desk("B.Above", "A.Free", "A.Below")

    assert desk.feed((0, -6), (0, -5), (1, 1e9), (2, 100), (2, 101), (2, 102)) == [0, 0]
    desk.ranges.survey()

    assert desk.ranges.outside == [2, 1]
    assert [names.met for names in desk.names] == [("A.Below",), ("B.Above",)]


def test_what_waits_is_looked_at_when_there_is_enough() -> None:
    desk = Desk("A.Below")

    assert desk.feed(*[(0, 101.0)] * (ENOUGH - 1)) == [0, 0]
    assert desk.feed() == [0, 0]
    assert desk.feed((0, 101.0)) == [ENOUGH, 0]


def test_nothing_is_compared_where_nothing_can_be_outside() -> None:
    assert Desk("A.Free").feed(*[(0, 1e9)] * ENOUGH) == [0, 0]


def test_a_j1939_signal_that_is_not_available_is_not_outside_and_one_with_an_error_is() -> None:
    signals = (
        Signal("Byte", BitField(0, 8, big_endian=False), RawKind.UNSIGNED, 0.4, -40.0, "", highest=250),
        Signal("Word", BitField(8, 16, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "", highest=0xFAFF),
    )
    of_groups = [Message("G", 0x98FEF100, 8, signals, j1939=True), Message("P", 0x10, 8, signals)]
    desk = Desk("G.Byte", "G.Word", "P.Byte", catalog=Catalog([("a", [Database("a.dbc", tuple(of_groups))])]))

    desk.feed(*((0, raw * 0.4 - 40.0) for raw in (250, 251, 254, 255)), *((1, raw) for raw in (0xFAFF, 0xFEFF, 0xFF00)))
    desk.ranges.survey()
    assert desk.ranges.outside == [3, 0]

    desk.feed((2, 255 * 0.4 - 40.0))
    desk.ranges.survey()
    assert desk.ranges.outside == [4, 0]


def test_no_number_is_not_outside_and_infinity_is() -> None:
    desk = Desk("A.Below")
    desk.feed((0, np.nan), (0, np.inf), (0, -np.inf))
    desk.ranges.survey()

    assert desk.ranges.outside == [1, 0]
