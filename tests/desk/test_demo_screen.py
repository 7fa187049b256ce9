import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from edge_agent.desk.demo_screen import Screen, line_of, tell_verdict
from edge_agent.desk.verdict import Verdict

COUNTERS = [
    ("frames", "2,876 of 1,000,000"),
    ("batches in the spool", "12 (1,234,567 bytes)"),
    ("ticks on the local bus", "38"),
    ("configuration", "version 3"),
]
VERDICT = Verdict(
    frames_sent=12_974,
    frames_read=12_974,
    frames_dropped=0,
    kept_batches=2,
    kept_samples=5,
    delivered_batches=2,
    delivered_samples=5,
    duplicates=0,
    delivered_bytes=60,
)


def counters() -> Iterator[tuple[str, str]]:
    return iter(COUNTERS)


def console_of(width: int) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width, highlight=False), out


@pytest.mark.parametrize("width", [20, 40, 49, 50, 60, 200])
def test_no_number_is_cut_however_narrow_the_terminal(width: int) -> None:
    console, out = console_of(width)
    console.print(Screen(console, "the hub is back").drawn(counters()))
    said = out.getvalue()
    for number in ("2,876", "1,000,000", "(1,234,567", "12", "38", "version 3"):
        assert number in " ".join(said.split()), said
    assert "…" not in said
    assert max(map(len, said.splitlines())) <= min(width, 60)


def test_a_line_names_each_counter() -> None:
    assert line_of(iter(COUNTERS[2:])) == "ticks on the local bus: 38  configuration: version 3"


def told(verdict: Verdict) -> str:
    console, out = console_of(100)
    tell_verdict(verdict, console)
    return out.getvalue()


def test_frames_that_no_database_knows_have_a_row_where_there_are_any() -> None:
    assert "frames no database knows     12,973\n" in told(replace(VERDICT, unknown_frames=12_973))
    assert "no database" not in told(VERDICT)


@pytest.mark.parametrize(
    ("verdict", "conclusion"),
    [
        (VERDICT, "nothing was lost"),
        (replace(VERDICT, delivered_samples=4), "something was lost"),
        (
            replace(VERDICT, kept_batches=0, kept_samples=0, delivered_batches=0, delivered_samples=0),
            "the rules kept nothing: do the databases fit the recording?",
        ),
        (
            replace(VERDICT, kept_batches=0, kept_samples=0),
            "memory alone held some of what arrived: the disk did not take it; give --folder on another",
        ),
    ],
)
def test_it_ends_with_what_it_comes_to(verdict: Verdict, conclusion: str) -> None:
    assert told(verdict).splitlines()[-1] == conclusion
