"""Who has a name, by all orders in which batches, copies, contradictions and broken ones may come."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_cloud.decode import decode
from edge_cloud.records import Message
from edge_cloud.spark.claims import Claim, Judge, Verdict
from edge_cloud.spark.keys import Facts, keyed
from tests.cloud.edge_cloud.golden import body, message

NEW, COPY, CONTRADICTION = Verdict.NEW, Verdict.COPY, Verdict.CONTRADICTION


def said(**otherwise: object) -> Message:
    """The golden batch, with some of its header told otherwise."""
    return Message(json.dumps(json.loads(body("numbers")) | otherwise).encode())


def claim(one: Message, known: frozenset[Facts] = frozenset()) -> Claim:
    [(part, key)] = keyed(one)
    return (
        Claim(part, None, None, known)
        if key is None
        else Claim(part, (key.device, key.boot, key.seq), key.facts, known)
    )


def facts(one: Message) -> Facts:
    found = claim(one).facts
    assert found is not None
    return found


FIRST, AGAIN, OTHER, THIRD = said(), said(lane="hot"), said(uptime_ms=1), said(why="age")
BROKEN, BROKEN_OTHER = said(columns="none"), said(uptime_ms=1, columns="none")
ANOTHER_SENDER = Message(FIRST.body, "somebody")
CLAIMS = [FIRST, AGAIN, OTHER, THIRD, BROKEN, BROKEN_OTHER, ANOTHER_SENDER]


def verdicts(messages: list[Message], known: frozenset[Facts] = frozenset()) -> list[Verdict]:
    judge = Judge()
    return [judge.verdict(claim(one, known)) for one in messages]


@given(st.lists(st.sampled_from(CLAIMS), max_size=8), st.sets(st.sampled_from([FIRST, OTHER]).map(facts)))
def test_the_first_that_is_a_batch_has_the_name_and_what_says_the_same_is_a_copy(
    messages: list[Message], known: set[Facts]
) -> None:
    distinct = list({(one.device, one.body): at for at, one in reversed([*enumerate(messages)])}.values())
    owners = [at for at in distinct if decode([messages[at]]).batches.num_rows]
    first = -1 if known else min(owners, default=len(messages))
    taken = known or {facts(messages[first]) for first in [first] if first < len(messages)}

    def expected(at: int) -> Verdict:
        if at not in distinct:
            return COPY
        return NEW if at <= first else COPY if facts(messages[at]) in taken else CONTRADICTION

    assert verdicts(messages, frozenset(known)) == [expected(at) for at in range(len(messages))]


def test_names_are_judged_apart_and_what_has_none_is_the_decoders() -> None:
    unnamed, hot = Message(b"no JSON"), message("hot")
    assert verdicts([unnamed, unnamed, FIRST, OTHER, hot, hot]) == [NEW, NEW, NEW, CONTRADICTION, NEW, COPY]


@pytest.mark.parametrize("field", ["rule", "why", "opened_ms", "closed_ms", "kept", "uptime_ms"])
def test_each_fact_makes_a_contradiction(field: str) -> None:
    found = json.loads(body("numbers"))[field]
    other = said(**{field: found + 1 if isinstance(found, int) else "otherwise"})
    assert verdicts([FIRST, other]) == [NEW, CONTRADICTION]
    assert verdicts([other], frozenset({facts(FIRST)})) == [CONTRADICTION]


def test_of_logs_of_frames_only_the_rule_tells() -> None:
    frames = message("frames")
    other_rule = Message(frames.body, frames.device, {**frames.properties, "rule": "crash"}, frames.enqueued_us)
    other_frames = Message(frames.body + frames.body, frames.device, frames.properties, frames.enqueued_us)
    assert verdicts([frames, other_frames]) == [NEW, COPY]
    assert verdicts([other_rule], frozenset({facts(frames)})) == [CONTRADICTION]
