"""What is said of an envelope beside its payload, the same on every way to the cloud. Pure."""

from edge_agent.records import Envelope, EnvelopeKey


def message_id_of(key: EnvelopeKey) -> str:
    """IoT Hub's `messageId`."""
    return f"{key.boot}-{key.seq}"


def properties_of(envelope: Envelope) -> dict[str, str]:
    """The application's properties, by name, besides the type and the encoding of the content."""
    return {
        "schema": envelope.schema,
        "lane": envelope.lane.value,
        "rule": envelope.rule,
        "boot": str(envelope.key.boot),
        "seq": str(envelope.key.seq),
    }
