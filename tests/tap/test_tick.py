import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.records import RawKind, SignalInfo
from edge_agent.tap.latest import LatestColumns
from edge_agent.tap.tick import ALIVE_NS, FULL_NS, TapAsked, Tick, Ticks, number, topic_of

MS = 1_000_000
NAMES = ("A.Speed", "A.Gear", "B.Odo+")
PLAN = tuple(SignalInfo(name, "", 1.0, 0.0, RawKind.UNSIGNED, 8) for name in ("Other.One", *NAMES))
EVERY = TapAsked(signals=NAMES)
BOOT = 7


class Bench:
    """Ticks over values that are set by hand; a block ends each 100 ms."""

    def __init__(self, asked: TapAsked = EVERY) -> None:
        self.latest = LatestColumns(np.zeros(4, np.bool_), np.zeros(4), np.zeros(4, np.int64))
        self.ticks = Ticks(BOOT)
        self.ticks.follow(asked, PLAN)
        self.tick: Tick | None = None

    def sample(self, name: str, value: float, t_ms: int) -> None:
        row = [signal.name for signal in PLAN].index(name)
        self.latest.known[row], self.latest.value[row], self.latest.uptime_ns[row] = True, value, t_ms * MS

    def block(self, t_ms: int, *, goes: bool = True) -> dict[str, object]:
        """What is said where a block ends; {} for nothing."""
        self.tick = None
        if self.ticks.is_due(t_ms * MS):
            self.tick = self.ticks.take(self.latest, t_ms * MS, 1_000_000 + t_ms)
        if self.tick and goes:
            self.ticks.went(self.tick, self.latest)
        return {} if self.tick is None else json.loads(self.tick.payload)

    def topics(self) -> dict[str, str]:
        assert self.tick is not None
        return {topic: payload.decode() for topic, payload in self.tick.topics}


def test_the_first_tick_is_full_though_nothing_is_known() -> None:
    assert Bench().block(50) == {"t": 1_000_050, "seq": 1, "boot": BOOT, "full": True, "v": {}}


def test_a_tick_has_what_changed_and_how_long_before_its_end_that_was_sampled() -> None:
    bench = Bench()
    bench.sample("A.Speed", 1, 60)
    assert bench.block(100)["v"] == {"A.Speed": [1, 40]}

    bench.sample("A.Gear", 2.5, 150)
    assert bench.block(200) == {"t": 1_000_200, "seq": 2, "boot": BOOT, "full": False, "v": {"A.Gear": [2.5, 50]}}


def test_a_signal_that_nobody_asked_for_is_not_said() -> None:
    bench = Bench()
    bench.sample("Other.One", 1, 60)

    assert bench.block(100)["v"] == {}


def test_without_changes_there_is_a_tick_each_second_and_a_full_one_each_five() -> None:
    bench = Bench()
    bench.sample("A.Speed", 1, 0)
    said = {t_ms: found for t_ms in range(100, 7_100, 100) if (found := bench.block(t_ms))}

    assert list(said) == [100, 1100, 2100, 3100, 4100, 5100, 6100]
    assert [found["full"] for found in said.values()] == [True, False, False, False, False, True, False]
    assert said[5100]["v"] == {"A.Speed": [1, 5100]}
    assert said[4100]["v"] == {}
    assert [found["seq"] for found in said.values()] == [1, 2, 3, 4, 5, 6, 7]


def test_a_value_that_stays_is_said_again_while_it_is_sampled() -> None:
    bench = Bench()
    said: dict[int, object] = {}
    for t_ms in range(100, 2_100, 100):
        if t_ms <= 1_000:
            bench.sample("A.Gear", 3, t_ms - 10)
        said[t_ms] = bench.block(t_ms).get("v")

    found = {t_ms: values for t_ms, values in said.items() if values}
    assert found == {100: {"A.Gear": [3, 10]}, 600: {"A.Gear": [3, 10]}, 1_100: {"A.Gear": [3, 110]}}


def test_what_was_dropped_is_said_by_the_next() -> None:
    bench = Bench()
    bench.block(100)
    bench.sample("A.Speed", 1, 150)
    assert bench.block(200, goes=False)["v"] == {"A.Speed": [1, 50]}
    found = bench.block(300)

    assert (found["v"], found["seq"]) == ({"A.Speed": [1, 150]}, 3)


def test_a_full_one_that_was_dropped_is_full_again() -> None:
    bench = Bench()
    bench.block(100, goes=False)
    bench.ticks.miss()
    found = bench.block(200)

    assert (found["full"], found["seq"]) == (True, 3)


def test_for_a_new_connection_everything_is_said_anew() -> None:
    bench = Bench(TapAsked(signals=NAMES, topics=("A.Gear",)))
    bench.sample("A.Gear", 3, 90)
    bench.block(100)
    bench.ticks.begin_anew()
    found = bench.block(110)

    assert (found["full"], found["v"]) == (True, {"A.Gear": [3, 20]})
    assert bench.topics() == {"tap/v1/signal/A/Gear": "3"}


def test_a_topic_of_its_own_says_changes_alone_as_plain_numbers() -> None:
    bench = Bench(TapAsked(signals=("A.Speed",), topics=("B.Odo+",)))
    bench.sample("A.Speed", 0.1 + 0.2, 60)
    bench.sample("B.Odo+", 12, 60)
    assert bench.block(100)["v"] == {"A.Speed": [0.3, 40]}
    assert bench.topics() == {"tap/v1/signal/B/Odo_": "12"}

    bench.sample("B.Odo+", 12, 5_000)
    assert bench.block(5_200)["full"]
    assert bench.topics() == {}

    bench.sample("B.Odo+", 12.25, 5_250)
    bench.block(5_300)
    assert bench.topics() == {"tap/v1/signal/B/Odo_": "12.25"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_not_said(value: float) -> None:
    bench = Bench()
    bench.sample("A.Speed", value, 60)
    assert bench.block(100)["v"] == {}

    bench.sample("A.Speed", 2, 160)
    assert bench.block(200)["v"] == {"A.Speed": [2, 40]}


def test_a_new_configuration_goes_on_with_the_numbers() -> None:
    bench = Bench()
    bench.sample("A.Gear", 3, 90)
    bench.block(100)
    bench.ticks.follow(TapAsked(signals=("A.Gear",), every_ns=1_000 * MS), PLAN)
    found = bench.block(200)

    assert (found["full"], found["seq"], found["v"]) == (True, 2, {"A.Gear": [3, 110]})
    assert [t_ms for t_ms in range(300, 3_300, 100) if bench.block(t_ms)] == [1000, 2000, 3000]


@pytest.mark.parametrize(
    ("jitter_ms", "blocks_ms", "every_ms"), [(9, 100, 100), (4, 20, 100), (0, 50, 100), (3, 10, 20)]
)
def test_there_are_as_many_ticks_as_asked_for_though_blocks_jitter(
    jitter_ms: int, blocks_ms: int, every_ms: int
) -> None:
    ticks = Ticks(BOOT)
    ticks.follow(TapAsked(every_ns=every_ms * MS), ())
    ends = [at * blocks_ms + (jitter_ms if at % 2 else -jitter_ms) for at in range(1, 10_000 // blocks_ms)]
    due = [t_ms for t_ms in ends if ticks.is_due(t_ms * MS)]

    assert abs(len(due) - 10_000 // every_ms) <= 2
    assert max(after - before for before, after in pairwise(due)) <= every_ms + 2 * jitter_ms


def test_blocks_that_are_longer_than_a_tick_end_one_each() -> None:
    ticks = Ticks(BOOT)
    ticks.follow(TapAsked(every_ns=20 * MS), ())

    assert all(ticks.is_due(t_ms * MS) for t_ms in range(100, 2_000, 100))


@pytest.mark.parametrize(
    ("value", "text"), [(0.1 + 0.2, "0.3"), (3.0, "3"), (-0.0, "0"), (1e300, "1e+300"), (2.0**60, "1.15292150461e+18")]
)
def test_a_number_is_as_short_as_twelve_digits_allow(value: float, text: str) -> None:
    assert json.dumps(number(value)) == text


@pytest.mark.parametrize(
    ("name", "topic"), [("Vehicle.Speed", "Vehicle/Speed"), ("a+#.b\0", "a__/b_"), ("bus/1.M@1F0.S", "bus/1/M@1F0/S")]
)
def test_a_signal_has_its_name_with_slashes_as_topic(name: str, topic: str) -> None:
    assert topic_of(name) == f"tap/v1/signal/{topic}"


STEPS = st.lists(
    st.tuples(
        st.integers(1, 700),  # ms to the next block
        st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 3)), max_size=4),
        st.booleans(),  # whether the tick can go
    ),
    max_size=40,
)


@given(STEPS)
def test_a_reader_of_what_went_knows_every_value_and_when_it_was_sampled(
    steps: Sequence[tuple[int, list[tuple[str, int]], bool]],
) -> None:
    bench, now_ms, seq = Bench(), 0, 0
    sampled: dict[str, list[tuple[int, int]]] = {}
    heard: dict[str, tuple[int, int]] = {}
    for passed_ms, samples, goes in steps:
        now_ms += passed_ms
        for name, value in samples:
            bench.sample(name, value, now_ms)
            sampled.setdefault(name, []).append((value, now_ms))
        found = bench.block(now_ms, goes=goes)
        if found:
            seq += 1
            assert found["seq"] == seq
        if bench.tick is None or not goes:
            continue
        said: dict[str, tuple[int, int]] = found["v"]  # type: ignore[assignment]  # JSON
        heard |= {name: (value, now_ms - age_ms) for name, (value, age_ms) in said.items()}
        assert not found["full"] or said.keys() == sampled.keys()
        assert {name: value for name, (value, _) in heard.items()} == {name: of[-1][0] for name, of in sampled.items()}
        for name, one in heard.items():
            assert one in sampled[name]


def test_the_times_are_those_that_are_promised() -> None:
    assert (FULL_NS, ALIVE_NS) == (5_000 * MS, 1_000 * MS)
