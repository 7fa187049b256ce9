import numpy as np
import pytest

from edge_agent.policy.condition_instants import Readings
from edge_agent.policy.condition_names import bind
from edge_agent.policy.condition_program import compile_program
from edge_agent.policy.condition_run import Run
from edge_agent.policy.condition_syntax import parse
from tests.policy.condition_signals import CATALOG, SECOND, SIGNALS

INDEX = {info.name: i for i, info in enumerate(SIGNALS)}


def run(*texts: str) -> Run:
    return Run(compile_program([bind(parse(text), CATALOG) for text in texts], INDEX), SIGNALS)


def readings(*samples: tuple[int, int, float]) -> Readings:
    t_ns, signal, value = zip(*samples, strict=True)
    numbers = np.array(value, np.float64)
    return Readings(np.array(t_ns, np.int64), np.array(signal, np.int64), numbers.astype(np.int64), numbers)


def test_each_conditions_truths_follow_one_another() -> None:
    instants, truth = run("Motion.Gear > 1", "Motion.Speed > 1 and Motion.Gear > 1").judge(
        readings((1, 0, 5), (2, 1, 5), (3, 1, 0))
    )

    assert instants.counts.tolist() == [2, 3]
    assert instants.t_ns.tolist() == [2, 3, 1, 2, 3]
    assert truth.tolist() == [1, 0, 0.5, 1, 0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rising(Motion.Speed > 3)", [0, 1]),
        ("falling(Motion.Speed <= 3)", [0, 1]),
        ("changed(Motion.Speed)", [0.5, 1]),
        ("age(Motion.Speed) == 0", [1, 1]),
        ("avg(Motion.Gear, 5s) < -2 or Motion.Speed > 3", [0.5, 1]),
        ("max(Motion.Speed, 5s) < 3", [1, 0]),
        ("min(Motion.Speed, 5s) < 3", [1, 1]),
        ("min(Motion.Speed, 1s) < 3", [1, 0]),
    ],
)
def test_what_was_is_remembered_from_stretch_to_stretch(text: str, expected: list[float]) -> None:
    judge = run(text)

    answers = [judge.judge(readings((1, 0, 2))), judge.judge(readings((1 + 2 * SECOND, 0, 5)))]

    assert [truth.tolist() for _, truth in answers] == [[one] for one in expected]


def test_a_shift_keeps_ages_and_windows_as_they_are() -> None:
    judge = run("age(Motion.Gear) == 1 and max(Motion.Gear, 2s) == 7 and avg(Motion.Gear, 2s) == 4 and Motion.Speed")
    judge.judge(readings((0, 1, 7)))

    judge.shift(100 * SECOND)

    _, truth = judge.judge(readings((101 * SECOND, 0, 1)))
    assert truth.tolist() == [1]
