"""What is the same of both images, asked from inside the container; from the standard library alone."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp (include/net/tcp_states.h)"""
NOT_BELONGING = ("cc", "gcc", "g++", "clang", "ld", "make", "pip", "git")
START_S = 180.0
"""emulated, the imports alone take several seconds"""
STOP_S = 10.0
"""what Docker gives a container between SIGTERM and SIGKILL"""


def the_process_may_do_nothing_more_than_it_must() -> None:
    """No capability, none to be had, no root."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    capabilities = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert not any(capabilities.values()), capabilities
    assert status["NoNewPrivs"] == "1", "privileges could be had by a file with a bit set"
    assert 0 not in (os.getuid(), os.getgid()), "it runs as root"
    say(f"user {os.getuid()}, no capabilities, no new privileges")


def only_the_volume_can_be_written(installed_at: str) -> None:
    """Nor are there tools, or anything of the builder's."""
    folders = ("/", installed_at, "/etc", "/usr", "/var/lib")
    refused = [folder for folder in folders if os.statvfs(folder).f_flag & os.ST_RDONLY]
    assert len(refused) == len(folders), f"only these are read-only: {refused}"
    found = [tool for tool in NOT_BELONGING if shutil.which(tool)]
    assert not found, f"these do not belong into the image: {found}"
    kept = [name for name in os.environ if name.startswith(("PIP_", "UV_")) or "proxy" in name.lower()]
    assert not kept, f"the builder's environment is in the image: {kept}"
    say("everything but the volume and /tmp is read-only; no compiler, no pip, nothing of the builder's environment")


def listening() -> Iterator[tuple[str, int]]:
    """Addresses and ports of this network."""
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == LISTENING:
                address, port = local.split(":")
                yield ".".join(str(byte) for byte in reversed(bytes.fromhex(address))), int(port, 16)


def until(true: Callable[[], bool], complaint: str, every_s: float = 0.5) -> None:
    """Raises AssertionError with the complaint after START_S."""
    until_s = time.monotonic() + START_S
    while not true():
        assert time.monotonic() < until_s, f"{complaint} within {START_S:g} s"
        time.sleep(every_s)


def say(line: str) -> None:
    """At once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
