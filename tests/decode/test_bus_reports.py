from dataclasses import replace
from typing import Any

import numpy as np

from edge_agent.decode.bus_reports import NAME_CHARS, BusReports
from edge_agent.records import EXTENDED_ID, BusCounts, BusHealth, BusState, ClockQuality, SampleBlock
from edge_agent.twin.reported import Reported
from tests.acquire.told import Told

S = 1_000_000_000


def block(second: float, *buses: tuple[BusCounts, BusHealth], uptime_s: float | None = None) -> SampleBlock:
    nothing = np.empty(0, np.int64)
    return SampleBlock(
        t_ns=nothing,
        signal=nothing.astype(np.uint32),
        raw=nothing,
        value=nothing.astype(np.float64),
        counts=tuple(counts for counts, _ in buses),
        until_ns=round(second * S),
        uptime_ns=round((second if uptime_s is None else uptime_s) * S),
        clock=ClockQuality.SYSTEM,
        health=tuple(health for _, health in buses),
    )


class Saying(Reported):
    """Keeps what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[Any, bool]] = []

    def say(self, section: str, body: Any, *, soon: bool = False) -> None:
        assert section == "health"
        self.said.append((body, soon))
        super().say(section, body, soon=soon)


class Desk:
    def __init__(self, *names: str) -> None:
        self.told, self.reported = Told(), Saying()
        self.reports = BusReports(names, self.reported, self.told)

    def states(self, *states: tuple[float, BusState | None]) -> list[tuple[str, object]]:
        for second, state in states:
            self.reports.feed(block(second, (BusCounts(), BusHealth(state))))
        return [
            (name, fields.get("state"))
            for _, name, fields in self.told.lines
            if name in {"decode.bus_troubled", "decode.bus_recovered"}
        ]


SOUND = BusHealth(BusState.ACTIVE, 31.5, (0x7FF, EXTENDED_ID | 0x18FEF100), ("Motion",), ("Motion.Speed",))


def test_each_minute_tells_each_bus_with_the_numbers_of_that_minute() -> None:
    desk = Desk("can0", "can1")
    for second in range(121):
        desk.reports.feed(block(second, (BusCounts(seen=2, unknown=1), SOUND), (BusCounts(dropped=1), BusHealth())))

    told = desk.told.fields("decode.bus_health")
    assert [(fields["bus"], fields["seen"], fields["unknown"], fields["dropped"]) for fields in told] == [
        ("can0", 122, 61, 0),
        ("can1", 0, 0, 61),
        ("can0", 120, 60, 0),
        ("can1", 0, 0, 60),
    ]
    assert (told[0]["state"], told[0]["load_percent"]) == ("error_active", 31.5)
    assert (told[0]["unknown_ids"], told[0]["missed_messages"]) == (["7ff", "18fef100x"], ["Motion"])
    assert (told[1]["state"], told[1]["load_percent"], told[1]["out_of_range_signals"]) == (None, None, [])
    assert set(desk.told.levels("decode.bus_health")) == {"info"}


def test_a_bus_that_never_had_a_frame_is_told_each_minute_too() -> None:
    desk = Desk("can0")
    for second in range(61):
        desk.reports.feed(block(0, (BusCounts(), BusHealth()), uptime_s=second))

    assert [fields["seen"] for fields in desk.told.fields("decode.bus_health")] == [0]


def test_the_end_tells_what_no_minute_has_told() -> None:
    desk = Desk("can0")
    desk.reports.feed(block(0, (BusCounts(seen=2), SOUND)))
    desk.reports.close()
    assert [fields["seen"] for fields in desk.told.fields("decode.bus_health")] == [2]

    desk.reports.close()
    assert len(desk.told.fields("decode.bus_health")) == 1


def test_the_twin_is_told_at_the_start_each_minute_and_at_the_end_with_counters_since_the_start() -> None:
    desk = Desk("can0")
    for second in range(100):
        desk.reports.feed(block(second, (BusCounts(seen=2, error=1), SOUND)))
    desk.reports.close()

    assert [body["can0"]["seen"] for body, _ in desk.reported.said] == [2, 122, 200]
    assert not any(soon for _, soon in desk.reported.said)
    body = desk.reported.said[-1][0]["can0"]
    assert (body["error"], body["state"], body["load_percent"]) == (100, "error_active", 31.5)
    assert body["unknown_ids"] == ["7ff", "18fef100x"]


def test_what_is_not_known_is_left_out_since_a_null_would_remove_it() -> None:
    desk = Desk("can0")
    desk.reports.feed(block(0, (BusCounts(), BusHealth())))

    assert not {"state", "load_percent"} & desk.reported.said[0][0]["can0"].keys()
    assert None not in desk.reported.said[0][0]["can0"].values()


def test_a_bus_takes_less_than_two_kilobytes_of_the_twin() -> None:
    desk = Desk("can0")
    names = tuple(f"{i}{'x' * 300}" for i in range(8))
    counts = BusCounts(*([2**52] * 10))
    desk.reports.feed(block(0, (counts, BusHealth(BusState.PASSIVE, 99.9, tuple(range(8)), names, names))))
    desk.reported.connected({})

    patch = desk.reported.due(0)

    assert patch is not None
    assert len(patch) < 2_048 + 300
    assert all(len(name) <= NAME_CHARS for name in desk.reported.said[0][0]["can0"]["missed_messages"])


def test_trouble_is_a_warning_and_its_end_is_told() -> None:
    desk = Desk("can0")

    assert desk.states(
        (0, None), (1, BusState.WARNING), (2, BusState.PASSIVE), (3, BusState.OFF), (20, BusState.ACTIVE)
    ) == [("decode.bus_troubled", "error_passive"), ("decode.bus_troubled", "bus_off"), ("decode.bus_recovered", None)]
    assert desk.told.levels("decode.bus_troubled") == ["warning", "warning"]
    assert desk.told.levels("decode.bus_recovered") == ["info"]
    assert [soon for _, soon in desk.reported.said] == [False, True, True, True]


def test_a_controller_that_flaps_is_told_each_ten_seconds_and_the_twin_last_hears_how_it_is() -> None:
    desk = Desk("can0")
    flapping = [(second / 10, BusState.OFF if second % 2 else BusState.ACTIVE) for second in range(250)]

    told = desk.states(*flapping, (60, BusState.ACTIVE))

    assert told == [("decode.bus_troubled", "bus_off"), ("decode.bus_recovered", None)] * 3
    assert desk.told.fields("decode.bus_troubled")[1]["changes"] == 99


def test_the_end_tells_a_state_that_was_held_back() -> None:
    desk = Desk("can0")
    desk.states((0, BusState.OFF), (1, BusState.ACTIVE), (2, BusState.OFF))
    assert len(desk.told.fields("decode.bus_troubled")) == 1

    desk.reports.close()

    assert len(desk.told.fields("decode.bus_troubled")) == 2


def test_what_is_known_now_can_be_asked_for() -> None:
    desk = Desk("can0", "can1")
    assert desk.reports.health["can0"] == {"unknown_ids": [], "missed_messages": [], "out_of_range_signals": []}

    one = block(0, (BusCounts(), SOUND), (BusCounts(), replace(SOUND, state=BusState.OFF)))
    desk.reports.feed(one)

    assert [body["state"] for body in desk.reports.health.values()] == ["error_active", "bus_off"]
