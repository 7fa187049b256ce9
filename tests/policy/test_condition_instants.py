import numpy as np

from edge_agent.policy.condition_instants import NOTHING, Memory, Readings, instants_of, table_of
from edge_agent.policy.condition_program import compile_program
from edge_agent.policy.condition_syntax import parse


def readings(*samples: tuple[int, int, int]) -> Readings:
    t_ns, signal, raw = (np.array(part, np.int64) for part in zip(*samples, strict=True))
    return Readings(t_ns, signal, raw, raw.astype(np.float64))


def test_readings_of_one_time_stay_in_the_order_of_the_stream() -> None:
    both = readings((1, 0, 10), (5, 0, 11)).then(readings((1, 0, 12), (3, 1, 13)))

    assert both.raw.tolist() == [10, 12, 13, 11]
    assert NOTHING.then(both).raw.tolist() == [10, 12, 13, 11]


def test_of_several_samples_at_one_time_the_last_is_in_the_table() -> None:
    table = table_of(readings((1, 0, 10), (1, 0, 11), (1, 1, 12), (2, 0, 11)), Memory(2))

    assert table.samples.raw.tolist() == [11, 11, 12]
    assert table.ends.tolist() == [0, 2, 3]


def test_of_very_many_samples_at_one_time_it_is_still_the_last() -> None:
    samples = readings(*[(t_ns, signal, raw) for t_ns in (1, 2) for raw in range(50) for signal in (1, 0)])

    assert table_of(samples, Memory(2)).samples.raw.tolist() == [49, 49, 49, 49]
    assert NOTHING.then(samples).raw.tolist() == samples.raw.tolist()


def test_a_table_begins_with_what_was_remembered() -> None:
    memory = Memory(3)
    memory.remember(readings((1, 2, 7)))

    table = table_of(readings((2, 0, 5), (3, 0, 5), (4, 0, 6), (4, 2, 8)), memory)

    assert table.raw.tolist() == [0, 0, 7, 5, 5, 6, 8]
    assert table.known.tolist() == [False, False, True, True, True, True, True]
    assert table.changed[len(memory) :].tolist() == [0.5, 0.0, 1.0, 1.0]


def test_a_condition_has_an_instant_where_any_of_its_signals_has_a_sample() -> None:
    program = compile_program([parse("a > b"), parse("b > c"), parse("d > 1")], {"a": 0, "b": 1, "c": 2, "d": 3})

    found = instants_of(table_of(readings((1, 0, 1), (2, 1, 2), (2, 2, 3), (3, 0, 4)), Memory(4)), program)

    assert found.counts.tolist() == [3, 1, 0]
    assert found.t_ns.tolist() == [1, 2, 3, 2]
    # Four remembered samples stand before those of the stretch, which are in the order of signals.
    inputs = zip(program.input_signal.tolist(), program.input_condition.tolist(), strict=True)
    assert list(inputs) == [(0, 0), (1, 0), (1, 1), (2, 1), (3, 2)]
    assert found.last.tolist() == [4, 4, 5, 1, 6, 6, 6, 7]
    assert found.new.tolist() == [True, False, True, False, True, False, True, True]
