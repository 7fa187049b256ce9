"""Cut the power of a machine that spools under load, again and again, and count: `make powercut CUTS=50`."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.powercut.campaign import Campaign, Plan
from tests.powercut.count import count
from tests.powercut.machine import missing
from tests.powercut.table import table

SHOWN = 12


def main() -> int:
    """Exit code: 1 where something was violated, or where the machine cannot be had."""
    options = _options()
    if packages := missing():
        _say(f"power cannot be cut here: apt-get install {' '.join(packages)}")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="powercut-"))
    plan = Plan(options.cuts, options.seed, unflushed=options.unflushed)
    _say(f"{plan.cuts} cuts, seed {plan.seed}, in {folder}")
    campaign = Campaign(folder, plan, say=_say)
    asyncio.run(campaign.run())
    result = count(campaign.lives, campaign.arrivals())
    _say("", table(result, campaign.starts_outside_s), "")
    for sentence in result.violations[:SHOWN]:
        _say(f"violated: {sentence}")
    if result.violations:
        _say(f"{len(result.violations)} violations; disk image and what was said: {folder}")
        return 1
    if not options.keep:
        shutil.rmtree(folder)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.powercut", description=__doc__)
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of when and of the hub's turns")  # noqa: S311
    parser.add_argument("--keep", action="store_true", help="leave the disk image and what was said in any case")
    parser.add_argument("--unflushed", action="store_true", help="the reverse: flushes do nothing, and it must be seen")
    return parser.parse_args()


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
