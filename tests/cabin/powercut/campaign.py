"""Lives of one disk, each ended by a power cut at a random moment: `python -m tests.cabin.powercut 200`."""

import asyncio
import json
import random
import shlex
import sys
from pathlib import Path

from tests.cabin.powercut.count import Told
from tests.powercut.machine import make_disk, powered

ROOT = Path(__file__).parents[3]
INIT = Path(__file__).with_name("init")
DISK_BYTES = 64 << 20
BOOT_S = 60.0
MOST_RUN_S = 1.8
"""within which the power goes, after the driver told its first word"""


async def lives(folder: Path, cuts: int, seed: int) -> list[Told]:
    """What was told in each of them, and in one more."""
    moments = random.Random(seed)  # noqa: S311
    image = folder / "disk.ext4"
    await make_disk(image, DISK_BYTES)
    for life in range(1, cuts + 2):
        plan = {"ROOT": str(ROOT), "PYTHON": sys.executable, "LIFE": str(life)}
        (folder / "plan").write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in plan.items()))
        async with powered(image, folder, INIT):
            async with asyncio.timeout(BOOT_S):
                while not _told(folder, life):  # noqa: ASYNC110  the writer is in another machine
                    await asyncio.sleep(0.01)
            await asyncio.sleep(moments.uniform(0, MOST_RUN_S) if life <= cuts else 0)
    return [_told(folder, life) for life in range(1, cuts + 2)]


def _told(folder: Path, life: int) -> Told:
    """Every whole line."""
    path = folder / f"{life}.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]
