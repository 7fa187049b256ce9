"""A segment's bytes when some of its records are given up so that others can stay. Pure: bytes in, bytes out."""

from collections.abc import Iterable, Sequence

from edge_agent.records import EnvelopeKey
from edge_agent.spool.framing import Framed, decode_record, encode_record, file_header, scan
from edge_agent.spool.naming import StreamName

Span = tuple[int, int]


def rules_in(content: bytes, stream: StreamName, spans: Iterable[Span]) -> Sequence[str]:
    """The rule that made each record; empty for what is damaged."""
    envelopes = (decode_record(content[start:end], stream) for start, end in spans)
    return [envelope.rule if envelope else "" for envelope in envelopes]


def kept_alone(content: bytes, stream: StreamName, kept: Iterable[tuple[EnvelopeKey, Span]]) -> bytes:
    """The segment with these records of it alone, side by side, each as long as it was.

    The link backwards of each names what is before it now, and of the first what was before the first: else what was
    given up would look damaged. None is to be thinned again. What is damaged stays as it is, for a lease to tell.
    """
    first = next(scan(content), None)
    previous_seq = first.previous_seq if isinstance(first, Framed) else None
    parts = [file_header(stream, rewritten=True)]
    for key, (start, end) in kept:
        parts.append(_behind(content[start:end], stream, previous_seq))
        previous_seq = key.seq
    return b"".join(parts)


def _behind(record: bytes, stream: StreamName, previous_seq: int | None) -> bytes:
    envelope, item = decode_record(record, stream), next(scan(record), None)
    if envelope is None or not isinstance(item, Framed):
        return record
    return encode_record(envelope, previous_seq, item.lifetime._replace(thin=1), item.flags)
