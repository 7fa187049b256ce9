"""In a process of its own, for it is for good."""

import platform
import subprocess
import sys

PROGRAM = """
import os
import sys
from pathlib import Path

from edge_agent.large_buffers import give_back_large_buffers

def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20

if sys.argv[1] == "given back":
    give_back_large_buffers()
content = b"x" * (4 << 20)
del content
before = resident_mb()
for _ in range(3):
    content = b"x" * (4 << 20)
    del content
print(resident_mb() - before)
"""

HOLES = """
import os
from pathlib import Path

from edge_agent.large_buffers import give_back_free_pages, give_back_large_buffers

def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20

give_back_large_buffers()
held = [b"x" * (32 << 10) for _ in range(1000)]
held = held[::10]
before = resident_mb()
give_back_free_pages()
print(before - resident_mb())
"""
"""Nine of ten buffers are freed, and those left keep them from being one."""

BATCHES = """
import resource
import threading

from edge_agent.large_buffers import give_back_large_buffers

def taken() -> None:
    for _ in range(100):
        record = b"x" * (200 << 10)
        payload = record[100:]
        del record, payload

give_back_large_buffers()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread = threading.Thread(target=taken)
thread.start()
thread.join()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 100)
"""
"""Page faults for each batch of 200 KB; it has 100 pages with its record."""


def grown_mb(how: str) -> float:
    return said(PROGRAM, how)


def said(program: str, *words: str) -> float:
    call = [sys.executable, "-c", program, *words]
    run = subprocess.run(call, capture_output=True, text=True, check=True, timeout=15)  # noqa: S603  our own text
    return float(run.stdout)


def test_a_segment_that_was_read_leaves_nothing_behind() -> None:
    assert grown_mb("given back") < 1


def test_a_process_that_does_not_ask_for_it_keeps_the_room_where_the_c_library_is_glibc() -> None:
    if platform.libc_ver()[0] == "glibc":
        assert grown_mb("kept") > 3, "then there is no need for this any more"


def test_what_is_free_between_buffers_is_given_back_when_asked_for() -> None:
    if platform.libc_ver()[0] == "glibc":
        assert said(HOLES) > 20


def test_the_room_of_a_batch_is_used_for_the_next_one() -> None:
    assert said(BATCHES) < 10
