"""Files of tests run beside each other: each has its own of the fixed addresses at which a hub listens."""

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent
ADDRESS = re.compile(r"127\.0\.0\.(\d+)")
FIRST = 40
"""below it are loopback itself, names in certificates, and what tests/localhub/conftest.py gives out by itself"""
NOBODY_LISTENS = 67


def test_no_two_files_listen_at_the_same_address() -> None:
    named = defaultdict[int, set[str]](set)
    for path in ROOT.rglob("*.py"):
        for last in map(int, ADDRESS.findall(path.read_text())):
            named[last].add(str(path.relative_to(ROOT)))

    shared = {last: files for last, files in named.items() if last >= FIRST and len(files) > 1}
    assert {f"127.0.0.{last}": files for last, files in shared.items() if last != NOBODY_LISTENS} == {}
