"""A machine whose power can be cut: user-mode-linux with a disk image, in a process group of its own."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

INIT = Path(__file__).with_name("init")
NEEDED = {
    "linux.uml": "user-mode-linux",
    "insmod": "kmod",
    "ip": "iproute2",
    "canplayer": "can-utils",
    "taskset": "util-linux",
    "mkfs.ext4": "e2fsprogs",
}
"""command -> the package it is in"""
E2FSCK_MENDED = 1
"""e2fsck(8): what it found it put right; a journal to be replayed is among that"""
_SEARCHED = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def missing() -> tuple[str, ...]:
    """The packages without which there is no such machine here."""
    return tuple(sorted({package for name, package in NEEDED.items() if shutil.which(name, path=_SEARCHED) is None}))


async def make_disk(image: Path, size: int, *options: str) -> None:
    """An empty ext4 of `size` bytes, which takes only what is written to it; with options of mkfs.ext4(8)."""
    with image.open("wb") as file:
        file.truncate(size)
    code, said = await _run(_found("mkfs.ext4"), "-q", "-F", *options, str(image))
    assert code == 0, said


async def faults_of_disk(image: Path) -> str:
    """What e2fsck says of an image that was left in order; nothing is well."""
    code, said = await _run(_found("e2fsck"), "-f", "-n", str(image))
    return said if code else ""


async def copy_out(image: Path, name: str, folder: Path) -> None:
    """A folder of an image whose power was cut, as it is after the journal was replayed; the image stays as it is."""
    copy = folder / "copy.ext4"
    await asyncio.to_thread(shutil.copyfile, image, copy)
    code, said = await _run(_found("e2fsck"), "-f", "-y", str(copy))
    assert code <= E2FSCK_MENDED, said
    await _run(_found("debugfs"), "-R", f"rdump /{name} {folder}", str(copy))
    copy.unlink()


@asynccontextmanager
async def powered(image: Path, station: Path, init: Path = INIT) -> AsyncIterator[asyncio.subprocess.Process]:
    """The machine from power on, with a first process; its power is cut on leaving, where it did not go by itself."""
    # One CPU: user-mode-linux hands every system call from one process to another, four times slower across CPUs.
    cpu = max(os.sched_getaffinity(0))
    arguments = (
        *("taskset", "--cpu-list", str(cpu), "linux.uml", "mem=512M"),
        *("root=/dev/root", "rootfstype=hostfs", "hostfs=/", "rw", f"ubd0={image}", f"uml_dir={station}/"),
        *("con=null", "con0=null,fd:1", "quiet", "loglevel=1", f"init={init}", f"STATION={station}"),
    )
    with (station / "console").open("ab") as console:
        machine = await asyncio.create_subprocess_exec(
            *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
        )
    try:
        yield machine
    finally:
        # It is several processes: also one that went off by itself may leave some.
        with suppress(ProcessLookupError):
            os.killpg(machine.pid, signal.SIGKILL)
        await machine.wait()


async def _run(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


def _found(name: str) -> str:
    return shutil.which(name, path=_SEARCHED) or name
