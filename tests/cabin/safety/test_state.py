from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cabin.records import Drive, Reading, Vehicle
from cabin.safety.state import RELEASE_MS, DriveState, judged

T = 100_000


def vehicle(speed: float | None = 0.0, *, park: bool = False, brake: bool = False, neutral: bool = False) -> Vehicle:
    return Vehicle(
        speed_kmh=None if speed is None else Reading(speed, T),
        in_park=Reading(float(park), T),
        parking_brake=Reading(float(brake), T),
        in_neutral=Reading(float(neutral), T),
    )


def at(one: Vehicle, up_ms: int) -> Vehicle:
    """The same readings, heard anew."""
    names = ("speed_kmh", "in_park", "parking_brake", "in_neutral")
    old = {name: getattr(one, name) for name in names}
    return replace(one, **{name: None if was is None else Reading(was.value, up_ms) for name, was in old.items()})


def test_standing_in_drive_is_idling_not_parked() -> None:
    assert judged(vehicle(0.0), T) is Drive.IDLING


def test_park_is_parked() -> None:
    assert judged(vehicle(0.0, park=True), T) is Drive.PARKED


def test_one_kilometre_an_hour_moves_even_in_park() -> None:
    assert judged(vehicle(1.0), T) is Drive.MOVING
    assert judged(vehicle(1.0, park=True), T) is Drive.MOVING


def test_park_at_speed_is_a_contradiction() -> None:
    assert judged(vehicle(3.1, park=True), T) is Drive.UNKNOWN


def test_a_manual_box_is_parked_by_brake_and_neutral_together_below_eight() -> None:
    assert judged(vehicle(7.9, brake=True, neutral=True), T) is Drive.PARKED
    assert judged(vehicle(8.0, brake=True, neutral=True), T) is Drive.MOVING
    assert judged(vehicle(0.0, brake=True), T) is Drive.IDLING
    assert judged(vehicle(0.0, neutral=True), T) is Drive.IDLING


def test_a_speed_of_more_than_a_second_ago_is_none() -> None:
    assert judged(vehicle(0.0, park=True), T + 1000) is Drive.PARKED
    assert judged(vehicle(0.0, park=True), T + 1001) is Drive.UNKNOWN
    assert judged(vehicle(None, park=True), T) is Drive.UNKNOWN


def test_a_gear_of_more_than_a_second_ago_is_none() -> None:
    stale = replace(vehicle(0.0), in_park=Reading(1.0, T - 1001))
    assert judged(stale, T) is Drive.IDLING


def test_it_is_unknown_before_the_first_look_and_parked_three_seconds_after() -> None:
    state = DriveState()
    assert state.state is Drive.UNKNOWN
    parked = vehicle(0.0, park=True)
    seen = [state.look(at(parked, up_ms), up_ms) for up_ms in range(T, T + RELEASE_MS + 100, 100)]
    assert set(seen[:-1]) == {Drive.UNKNOWN}
    assert seen[-1] is Drive.PARKED


def test_it_locks_at_the_first_moving_look() -> None:
    state = DriveState()
    for up_ms in range(T, T + 4000, 100):
        state.look(at(vehicle(0.0, park=True), up_ms), up_ms)
    assert state.state is Drive.PARKED
    assert state.look(at(vehicle(1.0), T + 4000), T + 4000) is Drive.MOVING


def test_a_gap_between_looks_begins_the_three_seconds_anew() -> None:
    state = DriveState()
    parked = vehicle(0.0, park=True)
    state.look(at(parked, T), T)
    assert state.look(at(parked, T + 3000), T + 3000) is Drive.UNKNOWN


def test_going_to_park_at_a_light_is_idling_until_it_was_steady() -> None:
    state = DriveState()
    for up_ms in range(T, T + 3100, 100):
        state.look(at(vehicle(0.0), up_ms), up_ms)
    assert state.state is Drive.IDLING
    assert state.look(at(vehicle(0.0, park=True), T + 3100), T + 3100) is Drive.IDLING


RANK = {Drive.PARKED: 0, Drive.IDLING: 1, Drive.MOVING: 2, Drive.UNKNOWN: 2}
LOOKS = st.lists(
    st.tuples(
        st.integers(1, 1500),
        st.sampled_from([None, 0.0, 0.5, 1.0, 2.0, 5.0, 60.0]),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
    max_size=60,
)


@given(LOOKS)
def test_it_equals_the_plain_rule_over_the_whole_history(
    looks: list[tuple[int, float | None, bool, bool, bool]],
) -> None:
    """The reference keeps everything and looks back over it each time."""
    state, up_ms, history = DriveState(), T, list[tuple[int, int]]()
    settled = 2
    for wait_ms, speed, park, brake, neutral in looks:
        up_ms += wait_ms
        now = at(vehicle(speed, park=park, brake=brake, neutral=neutral), up_ms)
        rank = RANK[judged(now, up_ms)]
        history.append((up_ms, rank))
        settled = max(rank, min(settled, lowest_steady(history)))
        assert RANK[state.look(now, up_ms)] == settled


def lowest_steady(history: list[tuple[int, int]]) -> int:
    """The least rank that nothing exceeded over three seconds without a break of more than one."""
    for rank in (0, 1):
        start = len(history) - 1
        while start >= 0 and history[start][1] <= rank:
            if history[-1][0] - history[start][0] >= RELEASE_MS:
                return rank
            if start and history[start][0] - history[start - 1][0] > 1000:
                break
            start -= 1
    return 2
