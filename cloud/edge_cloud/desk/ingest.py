"""Messages into a lake, each once."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from edge_cloud.bodies import payload_texts
from edge_cloud.contradictions import FACTS, contradictions
from edge_cloud.decode import decode
from edge_cloud.lake import Lake
from edge_cloud.records import Decoded, Message
from edge_cloud.tables import BATCHES

CHUNK_MESSAGES: Final = 5000
CHUNK_BYTES: Final = 4 << 20
"""What one step takes, so that its samples fit memory: 4 MB of gzip are 2 to 4 M samples, some 0.5 GB."""

_Key: TypeAlias = tuple[str, int, int]
_KEY: Final = ["device", "boot", "seq"]
_KEYS: Final = pa.schema([BATCHES.field(name) for name in _KEY])


@dataclass(slots=True)
class Taken:
    """What an ingest did."""

    messages: int = 0
    batches: int = 0
    """that were new"""
    samples: int = 0
    repeated: int = 0
    """messages that were there already, or came twice now; not those that are told otherwise (`refused`)"""
    refused: int = 0
    """kept, with what they are"""
    reasons: dict[str, int] = field(default_factory=dict)
    """of what was refused, how often"""


class Ingest:
    """Takes messages into a lake that is open for writing; what it holds is read once, at the beginning."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._known = _facts(lake.read("batches", [*_KEY, *FACTS]))
        self._refused = {_digest(body) for body in lake.read("refused", ["body"])["body"].to_pylist()}
        self.taken = Taken()

    def take(self, messages: Iterable[Message]) -> Iterator[int]:
        """Write all of them, chunk by chunk; after each tells the messages so far."""
        for chunk in chunks(messages):
            distinct = _distinct(chunk)
            self.taken.messages += len(chunk)
            self.taken.repeated += len(chunk) - len(distinct)
            self._take(distinct)
            yield self.taken.messages

    def _take(self, chunk: list[Message]) -> None:
        """One step, or several where batches of one key differ: what came first stays."""
        decoded = decode([replace(message, source=f"{n} {message.source}") for n, message in enumerate(chunk)])
        keys = list(zip(*(decoded.batches[name].to_pylist() for name in _KEY), strict=True))
        if len(set(keys)) < len(keys):
            self._take_apart(chunk, keys, decoded)
            return
        self._write(decoded, keys)

    def _take_apart(self, chunk: list[Message], keys: list[_Key], decoded: Decoded) -> None:
        if len(chunk) == 1:
            texts = payload_texts(chunk[0].body)
            parts = [
                replace(chunk[0], body=text, source=f"{chunk[0].source}, payload {n}") for n, text in enumerate(texts)
            ]
            for part in parts:
                self._take([part])
            return
        of_message = [int(source.partition(" ")[0]) for source in decoded.batches["source"].to_pylist()]
        seen: dict[_Key, int] = {}
        later = {n for key, n in zip(keys, of_message, strict=True) if seen.setdefault(key, n) != n}
        if not later:  # a message says one key twice within itself
            later = {n for n, count in Counter(of_message).items() if count > 1}
        self._take([message for n, message in enumerate(chunk) if n not in later])
        for n in sorted(later):
            self._take([chunk[n]])

    def _write(self, decoded: Decoded, keys: list[_Key]) -> None:
        facts = _facts(decoded.batches)
        there = [key for key in keys if key in self._known]
        others = {key for key in there if self._known[key] != facts[key]}
        found = {name: _untagged(rows) for name, rows in decoded.by_name().items()}
        if there:
            again = pa.Table.from_pylist([dict(zip(_KEY, key, strict=True)) for key in there], schema=_KEYS)
            found |= {
                name: rows.join(again, _KEY, join_type="left anti") for name, rows in found.items() if name != "refused"
            }
        contradicting = decoded.batches.filter(pa.array([key in others for key in keys], pa.bool_()))
        refused = pa.concat_tables([decoded.refused, contradictions(contradicting)])
        found["refused"] = self._newly_refused(_untagged(refused))
        with self._lake.step():
            self._lake.append(found)
        self._known.update({key: fact for key, fact in facts.items() if key not in others})
        self.taken.batches += found["batches"].num_rows
        self.taken.samples += found["samples"].num_rows
        self.taken.repeated += len(there) - len(others)

    def _newly_refused(self, rows: pa.Table) -> pa.Table:
        """Those whose bodies were not refused before; told by their reasons."""
        fresh = []
        for body, reason in zip(rows["body"].to_pylist(), rows["reason"].to_pylist(), strict=True):
            digest = _digest(body)
            fresh.append(digest not in self._refused)
            self._refused.add(digest)
            self.taken.reasons[reason] = self.taken.reasons.get(reason, 0) + 1
        self.taken.refused += len(fresh)
        return rows.filter(pa.array(fresh, pa.bool_()))


def chunks(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Messages in lists of at most CHUNK_MESSAGES and, but for a last one, CHUNK_BYTES."""
    chunk: list[Message] = []
    size = 0
    for message in messages:
        chunk.append(message)
        size += len(message.body)
        if len(chunk) == CHUNK_MESSAGES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _distinct(chunk: list[Message]) -> list[Message]:
    """Without those delivered twice, each where it came first: of two batches by one name that one stays."""
    found: dict[tuple[object, ...], Message] = {}
    for message in chunk:
        found.setdefault(_same(message), message)
    return list(found.values())


def _same(message: Message) -> tuple[object, ...]:
    """What is equal of a message that was delivered twice; frames have their number in the properties alone."""
    tells = message.properties
    return message.device, tells.get("boot"), tells.get("seq"), message.body


def _facts(batches: pa.Table) -> dict[_Key, int]:
    """Of each batch a number that differs where the vehicle said something else by the same name."""
    keys = zip(*(batches[name].to_pylist() for name in _KEY), strict=True)
    columns = [batches[name] for name in FACTS]
    told = [(part.cast(pa.int64()) if pa.types.is_timestamp(part.type) else part).to_pylist() for part in columns]
    return dict(zip(keys, map(hash, zip(*told, strict=True)), strict=True))


def _untagged(rows: pa.Table) -> pa.Table:
    if "source" not in rows.column_names:
        return rows
    at = rows.column_names.index("source")
    return rows.set_column(at, "source", pc.replace_substring_regex(rows["source"], r"^\d+ ", ""))


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
