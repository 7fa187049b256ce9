"""`.venv-cloud/bin/python -m tests.cloud.edge_cloud.spark.kills --kills 20`: the stream, killed at random moments.

A made fleet's files are streamed into a lake by the command itself: driver, JVM and workers in one process group, which
is killed with SIGKILL at a random moment, again and again. Then it runs to its end, and every row is compared.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_cloud.fleet.generator import Generated, Plan, generate
from tests.cloud.edge_cloud.rows import assert_same_rows
from tests.cloud.edge_cloud.spark.lake import table, write_files


@dataclass(frozen=True, slots=True)
class Campaign:
    kills: int
    """that met a running stream"""
    committed: tuple[int, ...]
    """micro-batches that were behind the stream at each kill"""


FILES_A_KILL = 8
"""so that the stream is not at its end before the last kill"""
TOLD_CHARS = 8000
"""of a stream's last words, where it does not end well"""


def kill_and_finish(folder: Path, kills: int, seed: int) -> Campaign:
    """Stream `folder`/in into `folder`/lake, killed `kills` times; raises AssertionError where it ends badly.

    The first kill comes while the first offset is written, as far as that can be met. Each other comes up to a second
    after its process began to read, or after its first or second micro-batch was behind it: before, between and after
    the commits of the next.
    """
    rng, committed = random.Random(seed), []  # noqa: S311  a seed that repeats the run
    for number in range(kills):
        log, before = folder / f"log-{number}.txt", _behind(folder)
        with log.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603  our own command
                _command(folder), stdout=file, stderr=file, start_new_session=True
            )
        if number == 0:
            while process.poll() is None and not _has_begun(folder):
                time.sleep(0.001)
        else:
            while process.poll() is None and b" reading " not in log.read_bytes():
                time.sleep(0.05)
            wanted = before + rng.randrange(3)
            while process.poll() is None and _behind(folder) < wanted:
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 1))
        if process.poll() is not None:
            assert process.returncode == 0, log.read_text()[-TOLD_CHARS:]
            break
        committed.append(_behind(folder))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    ended = subprocess.run(_command(folder), check=False, capture_output=True, text=True)  # noqa: S603  our own command
    assert ended.returncode == 0, ended.stderr[-TOLD_CHARS:]
    return Campaign(len(committed), tuple(committed))


def _has_begun(folder: Path) -> bool:
    """Whether the stream writes, or has written, an offset."""
    return any((folder / "checkpoint" / "offsets").glob("*"))


def _behind(folder: Path) -> int:
    """Micro-batches that the stream has committed."""
    return len([*(folder / "checkpoint" / "commits").glob("[0-9]*")])


def check(folder: Path, fleet: Generated) -> None:
    """Every table against the truth."""
    batches = table(folder / "lake", "batches")
    keys = set(zip(*(batches[name].to_pylist() for name in ("device", "boot", "seq")), strict=True))
    assert len(batches) == len(keys) == fleet.truth.batches
    assert table(folder / "lake", "refused").num_rows == 0
    assert_same_rows(table(folder / "lake", "samples"), fleet.truth.samples)


def _command(folder: Path) -> Sequence[str]:
    where = ["--files", str(folder / "in"), "--lake", str(folder / "lake"), "--checkpoint", str(folder / "checkpoint")]
    ways = ["--once", "--files-at-once", "1", "--desk", "2"]
    return [sys.executable, "-m", "edge_cloud.spark.ingest", *where, *ways]


def main() -> None:
    """Print what was found; raises AssertionError where a row is too many or too few."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=60, help="of a vehicle's boot")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    fleet = generate(Plan(vehicles=22, seconds=asked.seconds, seed=asked.seed, lost=0.05, doubled=0.05))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder / "in", fleet.messages, FILES_A_KILL * asked.kills)
        found = kill_and_finish(folder, asked.kills, asked.seed)
        check(folder, fleet)
    sys.stdout.write(
        f"{found.kills} kills, {len(fleet.truth.samples)} samples of {fleet.truth.batches} batches, all exact;"
        f" micro-batches behind the stream at each kill: {', '.join(map(str, found.committed))}\n"
    )


if __name__ == "__main__":
    main()
