import itertools
import math

import pytest

from edge_agent.desk.driving import CAPACITY_AS, CORNERING_MPS2, STEP_S, Driving, Phase, loop


def driven(seed: int, seconds: float) -> Driving:
    car = Driving(seed)
    for _ in range(round(seconds / STEP_S)):
        car.step()
    return car


def test_the_loop_is_closed_and_has_no_bend_tighter_than_320_m() -> None:
    start, end = loop(0.0), loop(math.tau)

    assert (start.north_m, start.east_m) == pytest.approx((end.north_m, end.east_m))
    assert max(abs(loop(step / 1000 * math.tau).curvature_per_m) for step in range(1000)) < 1 / 320


def test_the_heading_points_to_where_the_loop_goes() -> None:
    for step in range(100):
        angle = step / 100 * math.tau
        here, there = loop(angle), loop(angle + 1e-5)
        heading = math.atan2(there.east_m - here.east_m, there.north_m - here.north_m) % math.tau
        assert math.cos(heading - here.heading_rad) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_ten_minutes_hold_a_trip_with_stops_a_charge_and_doors(seed: int) -> None:
    car, charging = Driving(seed), False
    phases: list[Phase] = []
    for _ in range(60_000):
        car.step()
        charging = charging or car.charging
        if not phases or phases[-1] is not car.phase:
            phases.append(car.phase)

    assert set(phases) == set(Phase)
    assert charging


@pytest.mark.parametrize("seed", range(4))
def test_speed_stays_within_what_the_bend_allows_and_a_driver_would_do(seed: int) -> None:
    car = Driving(seed)
    for _ in range(60_000):
        before_mps = car.speed_mps
        car.step()
        assert 0 <= car.speed_mps < 120 / 3.6
        assert abs(car.speed_mps - before_mps) <= 3.0 * STEP_S or car.speed_mps == 0
        assert car.speed_mps**2 * abs(car.place.curvature_per_m) < 1.2 * CORNERING_MPS2
        assert car.friction_n >= -1e-9


def test_the_current_is_the_power_at_the_terminals_and_the_charge_its_integral() -> None:
    car, drawn_as = Driving(1), 0.0
    begun = car.charge
    for _ in range(20_000):
        car.step()
        drawn_as += car.current_a * STEP_S

    assert begun - car.charge == pytest.approx(drawn_as / CAPACITY_AS)
    assert car.charge < begun


def test_braking_gives_current_back() -> None:
    car = Driving(1)
    currents: list[float] = []
    for _ in range(20_000):
        car.step()
        if car.acceleration_mps2 < -1.5 and car.speed_mps > 5:
            currents.append(car.current_a)

    assert currents
    assert max(currents) < 0


def test_the_way_is_the_speed_added_up_and_the_position_moves_by_it() -> None:
    car = Driving(2)
    way_m = 0.0
    points: list[tuple[float, float]] = []
    begun_m = car.odometer_m
    for step in range(20_000):
        car.step()
        way_m += car.speed_mps * STEP_S
        if step % 10 == 0:
            points.append((car.place.north_m, car.place.east_m))

    assert car.odometer_m - begun_m == pytest.approx(way_m)
    moved_m = sum(math.dist(here, there) for here, there in itertools.pairwise(points))
    assert moved_m == pytest.approx(way_m, rel=0.01)


def test_the_same_seed_drives_the_same_and_another_does_not() -> None:
    assert driven(5, 60).odometer_m == driven(5, 60).odometer_m
    assert driven(5, 60).odometer_m != driven(6, 60).odometer_m
