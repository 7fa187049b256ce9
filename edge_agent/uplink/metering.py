"""What a message counts for at an IoT hub, which is what is paid. Pure."""

from edge_agent.records import Envelope

BLOCK_BYTES = 4096
"""IoT Hub's unit of a paid tier: a message of 6 KB counts as two (azure-docs, iot-hub-devguide-pricing.md)."""


def message_bytes(envelope: Envelope) -> int:
    """Size as IoT Hub measures it: the body, the values of system properties, names and values of the others.

    Source: azure-docs, iot-hub-devguide-messages-construct.md, "Message size". The properties are those that
    `uplink/iotedge.py` gives a message. What the cloud adds itself (the device's id and the like) is not counted.
    """
    key = envelope.key
    system = (f"{key.boot}-{key.seq}", envelope.content_type, envelope.content_encoding)
    application = {
        "schema": envelope.schema,
        "lane": envelope.lane.value,
        "rule": envelope.rule,
        "boot": str(key.boot),
        "seq": str(key.seq),
    }
    texts = (*system, *application.keys(), *application.values())
    return len(envelope.payload) + sum(len(text.encode()) for text in texts)


def blocks(envelope: Envelope) -> int:
    """Blocks of 4 KB that the message is metered as."""
    return -(-message_bytes(envelope) // BLOCK_BYTES)
