"""What a message counts for at an IoT hub, which is what is paid. Pure."""

from edge_agent.records import Envelope
from edge_agent.uplink.properties import message_id_of, properties_of

BLOCK_BYTES = 4096
"""IoT Hub's unit of a paid tier: a message of 6 KB counts as two (azure-docs, iot-hub-devguide-pricing.md)."""


def message_bytes(envelope: Envelope) -> int:
    """Size as IoT Hub measures it: the body, the values of system properties, names and values of the others.

    Source: azure-docs, iot-hub-devguide-messages-construct.md, "Message size". What the cloud adds itself (the device's
    id and the like) is not counted.
    """
    system = (message_id_of(envelope.key), envelope.content_type, envelope.content_encoding)
    application = properties_of(envelope)
    texts = (*system, *application.keys(), *application.values())
    return len(envelope.payload) + sum(len(text.encode()) for text in texts)


def blocks(envelope: Envelope) -> int:
    """Blocks of 4 KB that the message is metered as."""
    return -(-message_bytes(envelope) // BLOCK_BYTES)
