from edge_agent.decode.minutes import Minutes

S = 1_000_000_000


def reached(*seconds: float) -> list[float | None]:
    minutes = Minutes()
    return [minutes.reach(round(second * S)) for second in seconds]


def test_a_minute_is_over_with_the_first_step_that_reaches_its_end() -> None:
    assert reached(100, 130, 159.9, 160.5, 200, 220.5) == [None, None, None, 60.5, None, 60.0]


def test_a_clock_that_is_set_begins_a_new_minute() -> None:
    assert reached(0, 50, 10_000, 10_059, 10_060) == [None, None, 0.0, None, 60.0]
    assert reached(100, 130, 20, 79, 80) == [None, None, 0.0, None, 60.0]


def test_time_that_stands_still_ends_no_minute() -> None:
    assert reached(5, 5, 5) == [None, None, None]
