import pytest

from cabin.records import Reading, Vehicle
from cabin.trips.harsh import HarshEvents

G = 9.80665


def counted(events: HarshEvents) -> tuple[int, int, int, str]:
    return events.accelerations, events.brakes, events.corners, events.source


def by_imu(along_g: float = 0.0, across_g: float = 0.0, *, lasts_ms: int = 400, every_ms: int = 100) -> HarshEvents:
    events = HarshEvents()
    for up_ms in range(0, 3000, every_ms):
        is_hard = 1000 <= up_ms <= 1000 + lasts_ms
        events.look(
            Vehicle(
                accel_long_ms2=Reading(along_g * G if is_hard else 0.0, up_ms),
                accel_lat_ms2=Reading(across_g * G if is_hard else 0.0, up_ms),
            )
        )
    return events


def by_speed(kmh_per_s: float, *, every_ms: int = 100, step_kmh: float = 0.01, seconds: int = 3) -> HarshEvents:
    """Ten seconds at a steady 50 km/h, then faster or slower."""
    events = HarshEvents()
    for up_ms in range(0, 10_000 + seconds * 1000, every_ms):
        exact = 50.0 + kmh_per_s * max(0, up_ms - 10_000) / 1000
        events.look(Vehicle(speed_kmh=Reading(round(exact / step_kmh) * step_kmh, up_ms)))
    return events


@pytest.mark.parametrize(
    ("along_g", "across_g", "expected"),
    [
        (0.26, 0.0, (1, 0, 0, "imu")),
        (0.24, 0.0, (0, 0, 0, "imu")),
        (-0.41, 0.0, (0, 1, 0, "imu")),
        (-0.39, 0.0, (0, 0, 0, "imu")),
        (0.0, 0.46, (0, 0, 1, "imu")),
        (0.0, -0.46, (0, 0, 1, "imu")),
        (0.0, 0.44, (0, 0, 0, "imu")),
    ],
)
def test_each_threshold_is_reached_by_what_is_above_it_alone(
    along_g: float, across_g: float, expected: tuple[int, int, int, str]
) -> None:
    assert counted(by_imu(along_g, across_g)) == expected


def test_a_jolt_of_200_ms_is_none_and_one_that_stays_is_one() -> None:
    assert by_imu(-0.6, lasts_ms=200).brakes == 0
    assert by_imu(-0.6, lasts_ms=1900).brakes == 1


def test_samples_too_far_apart_say_nothing_of_the_time_between() -> None:
    assert by_imu(-0.6, lasts_ms=1200, every_ms=600).brakes == 0


def test_a_change_of_the_speed_counts_where_it_comes_often_enough() -> None:
    assert counted(by_speed(0.30 * G * 3.6)) == (1, 0, 0, "speed")
    assert counted(by_speed(-0.45 * G * 3.6)) == (0, 1, 0, "speed")
    assert counted(by_speed(0.20 * G * 3.6)) == (0, 0, 0, "speed")
    assert counted(by_speed(-0.45 * G * 3.6, every_ms=500)) == (0, 0, 0, "none")


def test_steps_of_a_whole_kilometre_per_hour_are_no_events() -> None:
    assert counted(by_speed(3.0, step_kmh=1.0, seconds=8)) == (0, 0, 0, "speed")


def test_where_there_is_an_imu_the_speed_is_not_asked() -> None:
    events = HarshEvents()
    for up_ms in range(0, 20_000, 100):
        speed = Reading(max(0.0, 100.0 - up_ms / 100), up_ms)
        events.look(Vehicle(speed_kmh=speed, accel_long_ms2=Reading(0.0, up_ms)))
    assert counted(events) == (0, 0, 0, "imu")
