from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cabin.trips.machine import Phase
from tests.cabin.trips.driving import NOW_MS, Car, Watched


def driven(car: Car, seconds: float, kmh: float = 60.0) -> Car:
    return car.is_set(speed=kmh).goes(seconds).is_set(speed=0.0).goes(1)


def test_a_trip_starts_when_the_ignition_goes_on_and_ends_where_it_stands() -> None:
    watched = Watched()
    car = watched.car(ignition=False).goes(60).is_set(ignition=True)
    begun_ms = car.up_ms
    driven(car.goes(20), 600).goes(30).is_set(ignition=False).goes(301)
    (ended,) = watched.ended
    trip = ended.summary
    assert ended.is_kept
    assert (trip.id, trip.profile, trip.end) == ("trip-1", "p1", "ignition_off")
    assert trip.start_s == (NOW_MS + begun_ms + 100) // 1000
    assert trip.end_s - trip.start_s == pytest.approx(620, abs=1)
    assert (trip.moving_s, trip.pause_s, trip.gap_s) == (600, 20, 0)
    assert trip.distance_km == pytest.approx(10.0, rel=0.005)
    assert trip.distance_source == "speed"
    assert trip.max_speed_kmh == 60.0
    assert trip.completeness == 1.0


def test_creeping_is_no_trip() -> None:
    watched = Watched()
    watched.car(speed=2.9).goes(600)
    assert watched.machine.phase is Phase.NONE
    watched.car(speed=30.0, up_ms=700_000).goes(2.9).is_set(speed=1.0).goes(3).is_set(ignition=False).goes(1)
    assert watched.machine.phase is Phase.NONE


def test_a_restart_within_300_s_continues_the_trip_with_a_pause() -> None:
    watched = Watched()
    car = driven(watched.car(), 200)
    driven(car.is_set(ignition=False).goes(290).is_set(ignition=True), 200)
    car.is_set(ignition=False).goes(400)
    (ended,) = watched.ended
    assert ended.summary.pause_s == pytest.approx(291, abs=2)
    assert ended.summary.moving_s == 400


def test_buses_that_sleep_in_that_pause_are_no_gap() -> None:
    watched = Watched()
    car = driven(watched.car(), 200).is_set(ignition=False).goes(5).goes(280, silent=True)
    driven(car.is_set(ignition=True), 200).is_set(ignition=False).goes(400)
    (ended,) = watched.ended
    assert (ended.summary.gap_s, ended.summary.completeness) == (0, 1.0)
    assert ended.summary.pause_s == pytest.approx(286, abs=2)


def test_a_restart_after_300_s_is_another_trip() -> None:
    watched = Watched()
    car = driven(watched.car(), 200).is_set(ignition=False).goes(302).is_set(ignition=True)
    driven(car, 200).is_set(ignition=False).goes(302)
    assert [ended.summary.id for ended in watched.ended] == ["trip-1", "trip-2"]


def test_a_stand_in_park_ends_it_after_300_s_stamped_where_it_came_to_stand() -> None:
    watched = Watched()
    car = watched.car(power_kw=2.0).is_set(speed=60.0).goes(300).is_set(speed=0.0)
    stood_ms = car.up_ms
    car.goes(10).is_set(park=True).goes(288)
    assert not watched.ended
    car.goes(3)
    (ended,) = watched.ended
    assert ended.summary.end == "standstill"
    assert ended.summary.end_s == (NOW_MS + stood_ms + 100) // 1000
    assert ended.summary.energy_kwh == pytest.approx(2.0 * 300 / 3600, rel=0.01)


def test_a_jam_without_park_goes_on_for_an_hour() -> None:
    watched = Watched()
    driven(driven(watched.car(), 200).goes(3600, every_ms=1000), 100)
    assert not watched.ended
    assert watched.machine.phase is Phase.OPEN


def test_without_an_ignition_signal_a_trip_goes_by_the_speed_alone() -> None:
    watched = Watched()
    car = watched.car(ignition=None, park=None).goes(60).is_set(speed=50.0)
    begun_ms = car.up_ms
    driven(car, 300, 50.0).goes(310)
    (ended,) = watched.ended
    assert ended.summary.start_s == (NOW_MS + begun_ms + 100) // 1000
    assert ended.summary.end == "standstill"
    assert (ended.summary.moving_s, ended.summary.pause_s) == (300, 0)


def test_an_hour_of_charging_with_the_ignition_on_is_no_part_of_the_trip_behind_it() -> None:
    watched = Watched()
    car = watched.car(park=True).goes(3600, every_ms=1000).is_set(park=False)
    driven(car, 200).is_set(ignition=False).goes(302)
    assert watched.ended[0].summary.pause_s == 0


def test_a_minute_of_silence_is_a_gap_which_the_odometer_bridges() -> None:
    watched = Watched()
    car = watched.car(odometer=1000.0, drives_odometer=True).is_set(speed=60.0).goes(300)
    car.goes(120, silent=True).is_set(odometer=1007.0).goes(300)
    car.is_set(speed=0.0).goes(1).is_set(ignition=False).goes(302)
    trip = watched.ended[0].summary
    assert trip.gap_s == pytest.approx(120, abs=1)
    assert trip.distance_km == pytest.approx(12.0, rel=0.01)
    assert trip.speed_distance_km == pytest.approx(10.0, rel=0.01)
    assert trip.completeness == pytest.approx(600 / 720, abs=0.01)


def test_an_hour_of_silence_ends_it_where_it_was_last_heard() -> None:
    watched = Watched()
    car = watched.car().is_set(speed=60.0).goes(300)
    heard_ms = car.up_ms
    car.goes(3599, silent=True, every_ms=1000)
    assert not watched.ended
    car.goes(2, silent=True, every_ms=1000)
    (ended,) = watched.ended
    assert (ended.summary.end, ended.summary.end_s) == ("silence", (NOW_MS + heard_ms) // 1000)
    assert ended.summary.gap_s == 0


def test_a_parked_vehicle_whose_buses_sleep_is_not_waited_for() -> None:
    watched = Watched()
    driven(watched.car(), 200).is_set(park=True).goes(2).goes(300, silent=True)
    assert [ended.summary.end for ended in watched.ended] == ["standstill"]


@pytest.mark.parametrize(
    ("seconds", "kmh", "kept"), [(119, 8.0, False), (125, 8.0, True), (20, 50.0, False), (25, 50.0, True)]
)
def test_a_trip_is_kept_from_300_m_or_120_s(*, seconds: float, kmh: float, kept: bool) -> None:
    watched = Watched()
    driven(watched.car().goes(250), seconds, kmh).is_set(ignition=False).goes(302)
    assert [ended.is_kept for ended in watched.ended] == [kept]


def test_it_is_dated_by_what_the_wall_clock_said_last() -> None:
    watched = Watched()
    set_by_ms = 86_400_000
    car = watched.car()
    plain = car.look
    driven(car, 200)
    car.look = lambda vehicle, now_ms, up_ms: plain(vehicle, now_ms + set_by_ms, up_ms)
    begun_ms = car.up_ms - 201_000
    car.is_set(ignition=False).goes(302)
    trip = watched.ended[0].summary
    assert trip.start_s == pytest.approx((NOW_MS + set_by_ms + begun_ms) / 1000, abs=2)
    assert trip.end_s - trip.start_s == 200


def test_the_live_numbers_are_those_of_the_open_trip() -> None:
    watched = Watched()
    car = watched.car(power_kw=9.0, fuel_l_h=3.0)
    assert watched.machine.now() is None
    car.is_set(speed=60.0).goes(600)
    now = watched.machine.now()
    assert now is not None
    assert now.km == pytest.approx(10.0, rel=0.01)
    assert now.minutes == 9
    assert now.kwh_per_100km == pytest.approx(15.0, rel=0.01)
    assert now.l_per_100km == pytest.approx(5.0, rel=0.01)


@pytest.mark.parametrize("location", [True, False])
def test_places_are_there_only_with_consent_for_location(*, location: bool) -> None:
    watched = Watched(location=location)
    car = watched.car(place=(50.1, 8.6)).is_set(speed=60.0).goes(200).is_set(place=(50.2, 8.7), speed=0.0).goes(1)
    car.is_set(ignition=False).goes(302)
    trip = watched.ended[0].summary
    assert (trip.start_place, trip.end_place) == (((50.1, 8.6), (50.2, 8.7)) if location else (None, None))


def test_a_no_to_location_in_the_middle_takes_the_start_too_and_a_yes_does_not_give_it_back() -> None:
    watched = Watched(location=True)
    car = watched.car(place=(50.1, 8.6)).is_set(speed=60.0).goes(200)
    watched.location = False
    car.goes(1)
    watched.location = True
    car.goes(10).is_set(speed=0.0).goes(1).is_set(ignition=False).goes(302)
    trip = watched.ended[0].summary
    assert (trip.start_place, trip.end_place) == (None, None)


BEGINS_S = 4
"""seconds of driving that are a trip for sure, looked at once a second"""
STRETCHES = st.lists(
    st.tuples(
        st.sampled_from(["drive", "stand", "park", "off", "silence"]),
        st.integers(1, 900),
        st.floats(5.0, 150.0),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(STRETCHES)
@example([("drive", 4, 5.0)])
def test_no_drive_is_counted_twice_or_lost_however_it_is_split(stretches: list[tuple[str, int, float]]) -> None:
    watched = Watched()
    car = watched.car(ignition=False).goes(1)
    by_hand_km = 0.0
    for what, seconds, kmh in stretches:
        if what == "silence":
            car.goes(seconds, silent=True, every_ms=1000)
            continue
        drives = what == "drive"
        car.is_set(ignition=what != "off", park=what in {"park", "off"}, speed=kmh if drives else 0.0)
        before_ms = car.up_ms
        car.goes(seconds, every_ms=1000)
        if drives and seconds > BEGINS_S:
            by_hand_km += kmh * (car.up_ms - before_ms) / 3_600_000
    car.is_set(ignition=False, speed=0.0, park=True).goes(302, every_ms=1000)
    trips = [ended.summary for ended in watched.ended]
    assert watched.machine.phase is Phase.NONE
    for trip in trips:
        lasted_s = trip.end_s - trip.start_s
        assert trip.moving_s + trip.pause_s + trip.gap_s == pytest.approx(lasted_s, abs=3)
        assert 0.0 <= trip.completeness <= 1.0
    for before, after in pairwise(trips):
        assert before.end_s <= after.start_s
    # A stretch's first second and what lies beside it are where an integral may differ; one in which a trip may just
    # begin is counted where it did, or where there was one.
    short_s = [0 if seconds > BEGINS_S else seconds for _, seconds, _ in stretches]
    unsure_km = sum((2 + one_s) * kmh for one_s, (_, _, kmh) in zip(short_s, stretches, strict=True)) / 3600
    allowed_km = unsure_km + 0.01 * by_hand_km
    assert sum(trip.distance_km or 0.0 for trip in trips) == pytest.approx(by_hand_km, abs=allowed_km)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 299), st.integers(310, 2000), st.integers(130, 400))
def test_a_pause_merges_below_300_s_and_splits_above(short_s: int, long_s: int, drive_s: int) -> None:
    watched = Watched()
    car = watched.car().is_set(speed=50.0).goes(drive_s, every_ms=1000)
    for pause_s in (short_s, long_s):
        car.is_set(speed=0.0, ignition=False).goes(pause_s, every_ms=1000)
        car.is_set(speed=50.0, ignition=True).goes(drive_s, every_ms=1000)
    car.is_set(speed=0.0, ignition=False).goes(310, every_ms=1000)
    assert len(watched.ended) == 2
    assert watched.ended[0].summary.moving_s == pytest.approx(2 * drive_s, abs=3)
