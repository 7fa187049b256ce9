"""Live envelopes beside a backlog, on simulated lines."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.records import Envelope, EnvelopeKey, Part
from edge_agent.uplink.lanes import Lanes
from edge_agent.uplink.window import Window
from tests.uplink.fakes import envelope
from tests.uplink.slow_line import Line, Play

pytestmark = pytest.mark.timeout(60)

MILLION = 1_000_000
UNNOTICED_S = 0.025


def each_second(count: int, payload_bytes: int) -> list[tuple[float, int]]:
    return [(0.37 + second, payload_bytes) for second in range(count)]


@pytest.mark.parametrize("distance_s", [0.0, 0.02, 0.05, 0.3])
@pytest.mark.parametrize("backlog_bytes", [1_000, 16_000, 200_000])
@pytest.mark.parametrize("bits_per_s", [64e3, 256e3, 1e6, 5e6, 50e6])
def test_a_million_envelopes_of_backlog_cost_a_live_one_no_more_than_one_envelopes_send_time(
    bits_per_s: float, backlog_bytes: int, distance_s: float
) -> None:
    line = Line(bits_per_s, distance_s)
    seconds = 4 if backlog_bytes * 8 / bits_per_s < UNNOTICED_S else 60
    live = each_second(seconds, 1_000)
    alone = Play(line, live=live).run(seconds).live_s
    beside = Play(line, live=live, backlog=(backlog_bytes,), count=MILLION).run(seconds)

    assert beside.backlog_sent > 0
    added_s = [late_s - alone_s for alone_s, late_s in zip(alone, beside.live_s, strict=False)]
    on_the_line_s = backlog_bytes * 8 / bits_per_s
    assert max(added_s) <= max(line.send_s(backlog_bytes), on_the_line_s + UNNOTICED_S) + 1e-6


@pytest.mark.parametrize(("bits_per_s", "distance_s"), [(64e3, 0.05), (1e6, 0.02), (5e6, 0.05)])
def test_envelopes_of_all_sizes_beside_live_ones_of_the_same_cost_no_more(bits_per_s: float, distance_s: float) -> None:
    line = Line(bits_per_s, distance_s)
    live = [(when_s, 4_000) for when_s, _ in each_second(200, 0)]
    alone = Play(line, live=live).run(200).live_s
    beside = Play(line, live=live, backlog=(1_000, 16_000, 3_000, 40_000), count=MILLION).run(200)
    added_s = [late_s - alone_s for alone_s, late_s in zip(alone, beside.live_s, strict=False)]

    assert max(added_s) <= line.send_s(40_000) + UNNOTICED_S


@pytest.mark.parametrize("distance_s", [0.0, 0.004, 0.011])
def test_a_backlog_fills_a_fast_link_as_sixteen_in_flight_would(distance_s: float) -> None:
    assert sent_of_what_sixteen_would(distance_s, 2) >= 0.9


def test_where_the_distance_alone_is_noticed_it_does_once_no_live_one_is_expected() -> None:
    assert sent_of_what_sixteen_would(0.014, 10) < 0.2
    assert sent_of_what_sixteen_would(0.014, 25) >= 0.9 * 15 / 25


def sent_of_what_sixteen_would(distance_s: float, seconds: int) -> float:
    line = Line(bits_per_s=16e6, distance_s=distance_s)  # 1 ms for 2 KB
    sent = Play(line, live=[], backlog=(2_000,), count=MILLION).run(seconds).backlog_sent
    return sent / (min(1.0, 16 / (1 + distance_s * 1000)) * 1000 * seconds)


@pytest.mark.parametrize("backlog_bytes", [1_000, 4_000, 16_000])
def test_where_live_ones_alone_would_fill_the_link_the_backlog_has_a_fifth(backlog_bytes: int) -> None:
    line = Line(1e6, 0.02)
    live = [(number / 50, 4_000) for number in range(50 * 120)]  # 1.6 times what the line takes

    outcome = Play(line, live=live, backlog=(backlog_bytes,), count=MILLION).run(120)

    assert outcome.backlog_bytes / (outcome.backlog_bytes + outcome.live_bytes) == pytest.approx(0.2, abs=0.02)
    assert outcome.most_in_flight == 16


def test_live_ones_that_nearly_fill_the_link_keep_their_pace() -> None:
    line = Line(64e3)
    live = each_second(300, 7_200)  # 0.9 s each

    outcome = Play(line, live=live, backlog=(7_200,), count=MILLION).run(300)

    assert max(outcome.live_s) <= 2 * 0.9 + UNNOTICED_S
    assert outcome.backlog_sent > 20


def test_a_line_that_gets_slow_is_noticed() -> None:
    play = Play(Line(50e6, 0.05), live=[], backlog=(16_000,), count=MILLION)
    play.run(20)
    assert play.in_flight > 8

    play.line = Line(256e3, 0.05)
    play.run(60)

    assert play.in_flight <= 2


def test_where_suspects_are_looked_past_the_backlog_is_too() -> None:
    lanes = Lanes(16)

    assert lanes.limit(Part.BACKLOG, 16) == 3
    assert lanes.limit(Part.BACKLOG, 64) == 64
    assert lanes.limit(Part.BACKLOG, 0) == lanes.limit(Part.LIVE, 0) == 0


@given(
    parts=st.lists(st.tuples(st.sampled_from(Part), st.integers(0, 5_000)), min_size=1, max_size=30),
    acks=st.lists(st.tuples(st.integers(0, 15), st.floats(0.0, 10.0)), max_size=60),
)
def test_whatever_comes_and_is_acknowledged_all_of_it_goes_once(
    parts: list[tuple[Part, int]], acks: list[tuple[int, float]]
) -> None:
    window, lanes = Window(), Lanes(16)
    for seq, (part, size) in enumerate(parts):
        one = envelope(seq, payload=bytes(size))
        lanes.take(part, [one])
        window.take([one.key])
    went: list[EnvelopeKey] = []
    in_flight: list[EnvelopeKey] = []
    for number in range(200):
        due = window.due(partial(lanes.pick, now_ns=number * 10**9))
        went += due
        in_flight += due
        if not in_flight:
            break
        at, waited_s = acks[number] if number < len(acks) else (0, 0.1)
        key = in_flight.pop(at % len(in_flight))
        window.acked(key)
        lanes.acked(key, waited_s, number * 10**9)
        lanes.forget(key)

    assert sorted(went) == [EnvelopeKey(1, seq) for seq in range(len(parts))]


def test_what_was_sent_first_of_two_parts_is_live() -> None:
    lanes = Lanes(16)
    ones: list[Envelope] = [envelope(0), envelope(1)]
    lanes.take(Part.BACKLOG, ones[:1])
    lanes.take(Part.LIVE, ones[1:])

    assert lanes.pick([one.key for one in ones], 0) == ones[1].key
