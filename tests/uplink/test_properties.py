from edge_agent.records import Envelope, EnvelopeKey, Lane
from edge_agent.uplink.properties import message_id_of, properties_of

ENVELOPE = Envelope(EnvelopeKey(7, 12), 5, Lane.WARM, "trip", "columns/1", "application/json", "gzip", b"")


def test_an_envelope_is_named_by_rule_schema_lane_and_key() -> None:
    assert properties_of(ENVELOPE) == {"schema": "columns/1", "lane": "warm", "rule": "trip", "boot": "7", "seq": "12"}
    assert message_id_of(ENVELOPE.key) == "7-12"
