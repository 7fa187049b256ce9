from importlib import util
from pathlib import Path

import numpy as np
import pytest

from edge_agent.desk.dry_run_plot import draw, judge_plot
from edge_agent.desk.dry_run_traces import KeptTrace, Points, Trace
from edge_agent.errors import FileRefused

TIMES = np.arange(0, 10_000_000_000, 100_000_000)
RAW = Points(TIMES, np.sin(TIMES / 1e9))
TRACES = (
    Trace("A.Speed", "km/h", RAW, (KeptTrace("trip", "last", None, 10, Points(TIMES[::10], RAW.value[::10])),)),
    Trace("A.Lean", "deg", RAW, (KeptTrace("lean", "mean", 0.5, 20, Points(TIMES[::5], RAW.value[::5])),)),
    Trace("A.Silent", "", Points(TIMES[:0], RAW.value[:0]), ()),
)


@pytest.mark.parametrize(("name", "magic"), [("out.png", b"\x89PNG"), ("OUT.SVG", b"<?xml")])
def test_a_plot_is_of_the_kind_its_name_says_and_the_same_each_time(name: str, magic: bytes, tmp_path: Path) -> None:
    first, second = tmp_path / name, tmp_path / f"again-{name}"
    draw(first, TRACES)
    draw(second, TRACES)

    assert first.read_bytes().startswith(magic)
    assert first.read_bytes() == second.read_bytes()


def test_a_plot_names_its_signals_its_rules_and_how_many_samples_there_are(tmp_path: Path) -> None:
    draw(tmp_path / "out.svg", TRACES)

    said = (tmp_path / "out.svg").read_text()
    for text in ("A.Speed", "A.Silent", "km/h", "on the bus: 100", "trip: 10", "lean mean (within 0.5): 20"):
        assert text in said


def test_straight_lines_are_drawn_where_a_bound_promises_them_and_steps_elsewhere(tmp_path: Path) -> None:
    step = Trace("A.Speed", "", RAW, (KeptTrace("trip", "last", None, 2, Points(TIMES[:2], np.array([0.0, 1.0]))),))
    line = Trace("A.Speed", "", RAW, (KeptTrace("trip", "last", 0.1, 2, Points(TIMES[:2], np.array([0.0, 1.0]))),))
    draw(tmp_path / "step.svg", [step])
    draw(tmp_path / "line.svg", [line])

    corners = [(tmp_path / name).read_text().count("\nL ") for name in ("step.svg", "line.svg")]
    assert corners[0] > corners[1]


def test_a_plot_of_another_kind_is_refused_before_anything_is_read() -> None:
    with pytest.raises(FileRefused, match=r"out\.pdf: a plot ends in \.png or \.svg"):
        judge_plot(Path("out.pdf"))


def test_without_matplotlib_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda _: None)
    monkeypatch.setattr("edge_agent.desk.dry_run_plot.find_spec", lambda _: None)

    with pytest.raises(FileRefused, match=r"a plot needs matplotlib: pip install 'edge-agent\[plot\]'"):
        judge_plot(Path("out.png"))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"absent.out\.png: cannot be written: No such file or directory"):
        draw(tmp_path / "absent" / "out.png", TRACES)


def test_nothing_to_plot_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="nothing to plot: no signal of the rules changes in this log"):
        draw(tmp_path / "out.png", ())
    with pytest.raises(FileRefused, match=r"nothing to plot: no sample of A\.Silent in this log"):
        draw(tmp_path / "out.png", TRACES[2:])


def test_a_drive_of_many_wild_samples_can_be_drawn(tmp_path: Path) -> None:
    times = np.arange(500_000) * 10_000_000
    wild = Points(times, np.random.default_rng(7).normal(size=len(times)))
    draw(tmp_path / "out.png", [Trace("A.Noise", "", wild, (KeptTrace("all", "last", None, len(wild), wild),))])

    assert (tmp_path / "out.png").stat().st_size > 1000
