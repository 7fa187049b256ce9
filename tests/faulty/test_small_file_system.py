"""Real file systems that turn full or read-only, in a mount namespace of the test's own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NAMESPACE = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-Urm")

Order = Callable[..., Any]
Start = Callable[..., Order]


def _is_allowed() -> bool:
    return (
        shutil.which("unshare") is not None
        and subprocess.run(  # noqa: S603  mounts in a namespace that ends at once
            [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False, capture_output=True
        ).returncode
        == 0
    )


pytestmark = pytest.mark.skipif(
    not _is_allowed(), reason="NO FULL DISKS TESTED: this machine allows no mount namespace"
)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a child on a file system of 2 MB; what it returns gives an order and waits for the answer."""
    children: list[subprocess.Popen[str]] = []

    def start(*, memory_bytes: int = 1 << 20, min_free_bytes: int = 0) -> Order:
        child = subprocess.Popen(  # noqa: S603  our own interpreter
            [
                *NAMESPACE,
                *(sys.executable, "-m", "tests.faulty.spooling_child"),
                *(str(tmp_path), "2m", str(memory_bytes), str(min_free_bytes)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        children.append(child)

        def order(do: str, **details: int) -> Any:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(json.dumps({"do": do, **details}) + "\n")
            child.stdin.flush()
            return json.loads(child.stdout.readline())

        return order

    yield start
    for child in children:
        child.communicate()


def test_a_disk_that_is_full_for_a_while_costs_nothing_while_the_link_is_there_and_memory_holds(start: Start) -> None:
    tell = start()
    tell("keep", count=5)
    tell("fill")
    full = tell("keep", count=20)
    tell("link_up")
    delivered = tell("deliver_all")
    tell("link_down")
    tell("keep", count=10)
    tell("free")
    back = tell("keep", count=5)
    tell("link_up")
    end = tell("deliver_all")

    assert (full["on_disk"], full["waiting"], full["lost"]) == (False, 25, {})
    assert full["kept"] < 25
    assert sorted(delivered["arrived"]) == list(range(25))
    assert (back["on_disk"], back["in_memory"], back["waiting"]) == (True, 0, 15)
    assert sorted(end["arrived"]) == list(range(40))
    assert (end["lost"], end["told"]) == ({}, [])
    spells = [name for name in end["events"] if "disk" in name]  # two: what was delivered gave room for a while
    assert spells in (["spool.disk_left", "spool.disk_returned"], ["spool.disk_left", "spool.disk_returned"] * 2)
    tell("close")


def test_where_memory_overflows_too_exactly_the_oldest_are_lost_and_told_to_who_receives_the_rest(
    start: Start,
) -> None:
    tell = start(memory_bytes=20_000)
    tell("keep", count=5)
    tell("fill")
    full = tell("keep", count=60)
    tell("free")
    tell("keep", count=3)
    tell("link_up")
    end = tell("deliver_all")

    lost = full["lost"]["memory"]
    assert lost > 20
    assert end["lost"] == full["lost"]
    missing = sorted(set(range(68)).difference(end["arrived"]))
    assert len(missing) == lost
    assert {why for *_, why in end["told"]} == {"memory"}
    assert sorted({seq for _, first, last, _ in end["told"] for seq in range(first, last + 1)}) == missing
    assert len(end["arrived"]) == len(set(end["arrived"]))
    tell("close")


def test_a_disk_comes_back_by_itself_though_nothing_is_kept_any_more(start: Start) -> None:
    tell = start()
    tell("fill")
    tell("keep", count=20)
    assert not tell("look")["on_disk"]
    tell("free")

    back = tell("back_on_disk")

    assert (back["in_memory"], back["waiting"], back["lost"]) == (0, 20, {})
    tell("close")


def test_a_file_system_that_turns_read_only_goes_on_delivering_what_is_on_it_and_what_comes(start: Start) -> None:
    tell = start()
    tell("keep", count=12)
    tell("read_only")
    away = tell("keep", count=40)
    tell("link_up")
    delivered = tell("deliver_all")
    tell("writable")
    tell("keep", count=2)
    end = tell("deliver_all")

    assert not away["on_disk"]
    assert sorted(delivered["arrived"]) == list(range(52))
    assert (end["on_disk"], end["in_memory"]) == (True, 0)
    assert (sorted(end["arrived"]), end["lost"]) == (list(range(54)), {})
    tell("close")


def test_the_floor_of_free_space_is_left_to_other_programs(start: Start) -> None:
    tell = start(min_free_bytes=500_000)
    tell("fill", but_bytes=560_000)
    full = tell("keep", count=60)
    tell("free")
    tell("link_up")
    tell("keep", count=1)
    back = tell("deliver_all")

    assert full["free_bytes"] >= 500_000 - 3 * 4096  # the file that grows, the folder and the state take whole blocks
    assert full["on_disk"]
    assert full["lost"]["cap"] > 40
    assert full["events"].count("spool.free_space_low") == 1
    assert len(back["arrived"]) == 61 - full["lost"]["cap"]
    assert back["events"].count("spool.free_space_back") == 1
    tell("close")


def test_a_start_on_a_file_system_with_less_than_the_floor_runs_and_says_so(start: Start) -> None:
    tell = start(min_free_bytes=10_000_000)
    kept = tell("keep", count=3)
    tell("link_up")
    end = tell("deliver_all")

    assert (kept["kept"], kept["on_disk"]) == (0, False)
    assert end["arrived"] == [0, 1, 2]
    assert "spool.free_space_low" in end["events"]
    tell("close")
