from dataclasses import replace

from edge_agent.records import EnvelopeKey, Upload
from edge_agent.spool.framing import ENCRYPTED, Framed, Gap, Lifetime, decode_record, encode_record, file_header, scan
from edge_agent.spool.naming import StreamName
from edge_agent.spool.thinning import kept_alone, rules_in
from tests.spool.parts import sealed

STREAM = StreamName(3, Upload.UNMETERED)
LIFE = Lifetime(powered_s=70, expires_powered_s=900, expires_wall_s=1_800_000_000, thin=2)


def segment(*seqs: int, before: int | None = None) -> tuple[bytes, list[tuple[int, int]]]:
    """A segment of batches of two rules by turns, and where each lies."""
    content, spans = file_header(STREAM), []
    for place, seq in enumerate(seqs):
        envelope = replace(sealed(1, seq), rule=("idle", "drive")[place % 2])
        record = encode_record(envelope, before, LIFE, ENCRYPTED)
        spans.append((len(content), len(content) + len(record)))
        content, before = content + record, seq
    return content, spans


def test_each_record_names_its_rule_and_a_damaged_one_none() -> None:
    content, spans = segment(4, 5, 6)
    broken = bytearray(content)
    broken[spans[1][1] - 1] ^= 1

    assert rules_in(content, STREAM, spans) == ["idle", "drive", "idle"]
    assert rules_in(bytes(broken), STREAM, spans) == ["idle", "", "idle"]


def test_what_stays_is_as_it_was_linked_without_a_hole_and_never_thinned_again() -> None:
    content, spans = segment(4, 5, 6, 9, before=2)

    thinned = kept_alone(content, STREAM, [(EnvelopeKey(1, seq), spans[at]) for at, seq in ((1, 5), (3, 9))])

    found = list(scan(thinned))
    assert [item.key.seq for item in found if isinstance(item, Framed)] == [5, 9]
    assert [item.previous_seq for item in found if isinstance(item, Framed)] == [2, 5]
    assert [item.lifetime for item in found if isinstance(item, Framed)] == [LIFE._replace(thin=1)] * 2
    assert [item.flags for item in found if isinstance(item, Framed)] == [ENCRYPTED] * 2
    for item, at in zip(found, (1, 3), strict=True):
        old, new = content[slice(*spans[at])], thinned[item.start : item.end]
        assert len(old) == len(new)
        assert decode_record(old, STREAM) == decode_record(new, STREAM)


def test_a_damaged_record_stays_as_it_is_and_the_next_one_names_it() -> None:
    content, spans = segment(4, 5, 6)
    broken = bytearray(content)
    broken[spans[1][1] - 1] ^= 1

    thinned = kept_alone(bytes(broken), STREAM, [(EnvelopeKey(1, seq), spans[seq - 4]) for seq in (5, 6)])

    damaged, whole = scan(thinned)
    assert isinstance(damaged, Gap)
    assert damaged.key == EnvelopeKey(1, 5)
    assert isinstance(whole, Framed)
    assert whole.previous_seq == 5
