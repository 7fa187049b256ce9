"""`.venv-cloud/bin/python -m tests.cloud.edge_cloud.spark.speed --cores 2`: what the stream does in a second.

A made fleet in one micro-batch, after one that warms the workers up; CPU time besides, since other processes may
take theirs of the same cores.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from pyspark.sql import SparkSession

from edge_cloud.decode import decode
from edge_cloud.fleet.generator import Plan, generate
from edge_cloud.records import Message
from edge_cloud.spark.session import desk_session
from tests.cloud.edge_cloud.spark.lake import stream, table, write_files

_CHUNK = 64


def decoded_a_second(messages: list[Message]) -> float:
    """Samples, by the CPU time of one thread."""
    begun, samples = time.thread_time(), 0
    for start in range(0, len(messages), _CHUNK):
        samples += len(decode(messages[start : start + _CHUNK]).samples)
    return samples / (time.thread_time() - begun)


def cpu_s() -> float:
    """Of this process and the JVM and workers below it, so far; the user's and the system's."""
    mine = resource.getrusage(resource.RUSAGE_SELF)
    return mine.ru_utime + mine.ru_stime + sum(map(_cpu_s, _below(os.getpid())))


def _below(pid: int) -> list[int]:
    children = [int(text) for path in Path(f"/proc/{pid}/task").glob("*/children") for text in path.read_text().split()]
    return children + [pid for child in children for pid in _below(child)]


def _cpu_s(pid: int) -> float:
    """With its ended children: a worker that is replaced stays counted."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def streamed(spark: SparkSession, folder: Path, messages: list[Message], files: int) -> tuple[int, float, float]:
    """Samples in the lake, seconds, and seconds of CPU, once everything is warm."""
    write_files(folder / "in", messages[:_CHUNK], 2)
    stream(spark, folder / "in", folder / "lake", folder / "checkpoint")
    warm = len(table(folder / "lake", "samples"))
    write_files(folder / "in" / "more", messages[_CHUNK:], files)
    begun, cpu = time.monotonic(), cpu_s()
    stream(spark, folder / "in", folder / "lake", folder / "checkpoint", files_at_once=files)
    took, cpu = time.monotonic() - begun, cpu_s() - cpu
    return len(table(folder / "lake", "samples")) - warm, took, cpu


def main() -> None:
    """Print the figures, and the load of the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--vehicles", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--batch-s", type=int, default=10)
    asked = parser.parse_args()
    messages = generate(Plan(vehicles=asked.vehicles, seconds=asked.seconds, batch_s=asked.batch_s)).messages
    alone = decoded_a_second(messages[: 16 * _CHUNK])
    spark = desk_session(asked.cores)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples, took, cpu = streamed(spark, folder, messages, 4 * asked.cores)
        size = sum(path.stat().st_size for path in (folder / "lake" / "samples").rglob("*.parquet"))
    spark.stop()
    sys.stdout.write(
        f"decode alone {alone / 1e6:.2f} M samples/s of a core's time\n"
        f"files to Delta {samples / took / 1e6:.2f} M samples/s on {asked.cores} cores ({took:.1f} s, load"
        f" {os.getloadavg()[0]:.1f}), {samples / cpu / 1e6:.2f} M samples a core-second of CPU"
        f" ({cpu:.1f} s for {samples})\n{size / samples:.2f} bytes a sample in Delta\n"
    )


if __name__ == "__main__":
    main()
