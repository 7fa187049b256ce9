import pytest

from edge_agent.records import Envelope, EnvelopeKey, Lane
from edge_agent.uplink.metering import BLOCK_BYTES, blocks, message_bytes

PROPERTIES = len("7-12application/jsongzip") + len("schemacolumns/1lanewarmruletripboot7seq12")


def envelope(payload_bytes: int, rule: str = "trip") -> Envelope:
    key = EnvelopeKey(7, 12)
    return Envelope(key, 5, Lane.WARM, rule, "columns/1", "application/json", "gzip", b"\0" * payload_bytes)


def test_a_message_is_its_body_and_its_properties() -> None:
    assert message_bytes(envelope(1000)) == 1000 + PROPERTIES


def test_a_name_counts_by_its_bytes_not_by_its_characters() -> None:
    assert message_bytes(envelope(0, "größe")) == message_bytes(envelope(0, "trip")) + 3


@pytest.mark.parametrize(("size", "metered"), [(PROPERTIES, 1), (4096, 1), (4097, 2), (8192, 2), (8193, 3)])
def test_every_begun_block_of_the_whole_message_is_metered(size: int, metered: int) -> None:
    assert BLOCK_BYTES == 4096
    assert blocks(envelope(size - PROPERTIES)) == metered
