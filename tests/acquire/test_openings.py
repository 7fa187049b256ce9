from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.openings import Openings
from edge_agent.backoff import Backoff
from edge_agent.errors import BusDown
from tests.acquire.told import Told

S = 1_000_000_000
DOWN = BusDown("drive", "gone")


def openings(told: Told, healthy_s: float = 10.0) -> Openings:
    return Openings(BusAddress("drive", "virtual", "x"), Backoff(first_s=1.0, healthy_s=healthy_s), told)


def test_the_waits_of_one_spell_double_and_only_its_first_failure_is_a_warning() -> None:
    told = Told()
    one = openings(told)
    waits_s = []
    for uptime_s in range(3):
        waits_s.append(one.lost(DOWN, uptime_s * S))
        assert one.due_ns == uptime_s * S + int(waits_s[-1] * 1e9)

    assert all(0.5 * 2**at <= wait_s <= 1.5 * 2**at for at, wait_s in enumerate(waits_s))
    assert told.levels("acquire.bus_lost") == ["warning", "debug", "debug"]


def test_a_bus_that_was_up_for_long_is_told_as_lost_with_a_warning_again() -> None:
    told = Told()
    one = openings(told)
    for uptime_s in (0, 20, 40):
        one.opened(uptime_s * S)
        one.lost(DOWN, (uptime_s + 15) * S)

    assert told.levels("acquire.bus_lost") == ["warning"] * 3
    assert told.fields("acquire.bus_opened")[0] == {"bus": "drive", "interface": "virtual", "channel": "x"}


def test_a_driver_that_takes_long_to_say_no_was_not_up_for_so_long() -> None:
    told = Told()
    one = openings(told)
    one.opened(0)
    waits_s = [one.lost(DOWN, uptime_s * S) for uptime_s in (1, 13, 27, 43)]  # each says no after 12 s

    assert all(0.5 * 2**at <= wait_s <= 1.5 * 2**at for at, wait_s in enumerate(waits_s))
    assert told.levels("acquire.bus_lost") == ["warning", "debug", "debug", "debug"]
