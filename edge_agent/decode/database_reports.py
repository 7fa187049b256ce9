"""Which database files decode what is sent, for the twin. Pure."""

from collections.abc import Sequence

from edge_agent.decode.catalog import Catalog
from edge_agent.errors import DatabaseRefused, MappingRefused
from edge_agent.twin.fitting import JsonObject

HASH_CHARS = 12
"""of SHA-256 in hexadecimal: 48 bits tell the files of a fleet apart"""


def databases_told(catalog: Catalog, refusals: Sequence[DatabaseRefused | MappingRefused]) -> list[JsonObject]:
    """What cannot be used with its `error`, then each file once: the beginning of its `sha256`, and what is in it."""
    told: list[JsonObject] = [{"path": refusal.path, "error": refusal.sentence()[:512]} for refusal in refusals]
    loaded = {database.path: database for database in catalog.databases if database.sha256}
    for path, database in loaded.items():
        signals = sum(len(message.signals) for message in database.messages)
        sha256 = database.sha256[:HASH_CHARS]
        told.append({"path": path, "sha256": sha256, "messages": len(database.messages), "signals": signals})
    return told
