"""`python -m tests.cabin.powercut CUTS [SEED]`: exit code 1 where something was violated."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from tests.cabin.powercut.campaign import lives
from tests.cabin.powercut.count import counted


def main() -> int:
    """Cut, count, tell."""
    cuts, seed = (*map(int, sys.argv[1:]), 1)[:2] if len(sys.argv) > 1 else (200, 1)
    folder = Path(tempfile.mkdtemp(prefix="cabin-powercut-"))
    result = counted(asyncio.run(lives(folder, cuts, seed)))
    most = max(result.lost_s, default=0)
    sys.stdout.write(
        f"{result.cuts} cuts, seed {seed}: {result.cut_trips} trips closed by one, at most {most} s lost\n"
    )
    sys.stdout.writelines(f"violated: {what}\n" for what in result.violations)
    if result.violations:
        sys.stdout.write(f"disk and what was told: {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
