"""Run the agent's uplink under load against a hub that fails in every way, and count: `make soak MINUTES=10`."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.soak.campaign import Campaign, Plan
from tests.soak.count import count
from tests.soak.line import noted_acked, noted_kept
from tests.soak.table import tables

SHOWN = 12


def main() -> int:
    """Exit code: 1 where something was violated."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    plan = Plan(options.minutes, options.seed, hasty=options.hasty)
    _say(f"{plan.minutes:g} minutes, seed {plan.seed}, in {folder}")
    campaign = Campaign(folder, plan, _say)
    course = asyncio.run(campaign.run())
    result = count(course, noted_kept(folder), noted_acked(folder), campaign.arrived())
    _say(f"\n{tables(course, result)}\n")
    for sentence in result.violations[:SHOWN]:
        _say(f"violated: {sentence}")
    if result.violations:
        _say(f"{len(result.violations)} violations; what was kept, acknowledged and delivered: {folder}")
        return 1
    if not options.keep:
        shutil.rmtree(folder)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="below 5 each fault is tried once, in a hurry")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of order and lengths")  # noqa: S311
    parser.add_argument("--keep", action="store_true", help="leave what was kept and delivered in any case")
    parser.add_argument("--hasty", action="store_true", help="the reverse: no ack is awaited, and it must be seen")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
