"""What a batch's samples cost in JSON, by the encoders themselves."""

import gzip
import json

from edge_agent.records import Batch, BootInfo
from edge_agent.spool.columns import seal
from edge_agent.spool.header import Sender

SENDER = Sender("vehicle-1", "edge-agent")
BOOT = BootInfo(3, 2, 41)


def payload_bytes(batch: Batch) -> int:
    """Bytes of the message as it is sent."""
    return len(seal(batch, SENDER, BOOT, ()).payload)


def sample_json_bytes(batch: Batch) -> int:
    """Bytes of the payload's JSON, beyond its header."""
    envelope = seal(batch, SENDER, BOOT, ())
    text = gzip.decompress(envelope.payload) if envelope.content_encoding == "gzip" else envelope.payload
    body = json.loads(text)
    header = {key: value for key, value in body.items() if key not in {"columns", "rows"}}
    part = "columns" if "columns" in body else "rows"
    return len(text) - len((json.dumps(header | {part: []}, separators=(",", ":"), ensure_ascii=False) + "\n").encode())
