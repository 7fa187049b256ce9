"""Appends until it is killed, and prints each sequence that was committed. Argument: the spool's folder."""

import asyncio
import sys
from pathlib import Path

from edge_agent.spool.segments import SegmentSpool
from tests.spool.parts import Ear, sealed


async def main(folder: Path) -> None:
    spool = await SegmentSpool.open(folder, cap_bytes=100_000_000, segment_bytes=20_000, log=Ear())
    for seq in range(0, 10**9, 2):
        boot = spool.boot.boot
        await spool.append([sealed(boot, seq, seq % 5, 500), sealed(boot, seq + 1, 7, 500)])
        sys.stdout.write(f"{seq}\n{seq + 1}\n")
        sys.stdout.flush()


asyncio.run(main(Path(sys.argv[1])))
