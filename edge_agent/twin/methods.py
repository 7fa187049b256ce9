"""What the direct methods answer. Pure."""

import fnmatch
import math
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from edge_agent.errors import MethodRefused
from edge_agent.head_unit.consent import locates
from edge_agent.records import Batch
from edge_agent.tap.latest import LatestValue

Answer = Mapping[str, object]
Method = Callable[[object], Answer | Awaitable[Answer]]
"""Answers a call with a JSON object, at once or later; takes the call's payload, parsed. Raises MethodRefused."""

ANSWER_BYTES = 120_000
"""IoT Hub takes 128 KB, which the envelope of the answer must fit too."""
MAX_PATTERNS = 256


def latest_values(payload: object, values: list[LatestValue], *, with_places: bool = True) -> Mapping[str, object]:
    """Those of `values` that the payload's `signals` name, or all where it names none. Raises MethodRefused.

    Without `with_places` those that say where the vehicle is are left out; where nothing else was asked for, it is
    refused in a sentence.
    """
    patterns = _patterns(payload)
    wanted = re.compile("|".join(map(fnmatch.translate, patterns))).match
    named = [value for value in values if value.name in patterns or wanted(value.name)]
    told = [value for value in named if with_places or not locates(value.name)]
    if named and not told:
        raise MethodRefused(403, "the driver has not consented to location")
    return {
        value.name: {
            "value": value.value if math.isfinite(value.value) else None,  # JSON has no NaN
            "unit": value.unit,
            "t_ms": value.t_ns // 1_000_000,
        }
        for value in told
    }


def snapshot_taken(
    payload: object, rules: Sequence[str], take: Callable[[Sequence[str]], Sequence[Batch]]
) -> Mapping[str, object]:
    """How many values the snapshots have, by rule: of the one the payload names, or of all. Raises MethodRefused."""
    match payload:
        case None | {} if not payload:
            asked = tuple(rules)
        case {"rule": str(rule), **rest} if not rest:
            asked = (rule,)
        case _:
            raise MethodRefused(400, 'the payload must be null, or {"rule": "name of a snapshot rule"}')
    if not rules or not set(asked) <= set(rules):
        known = ", ".join(rules) or "none"
        raise MethodRefused(404, f"no such rule of kind snapshot runs; there are: {known}")
    values = Counter(dict.fromkeys(asked, 0))
    for batch in take(asked):
        values[batch.rule.name] += batch.kept
    return {"values": values}


def all_flushed(payload: object, flush: Callable[[], Sequence[Batch]]) -> Mapping[str, object]:
    """How many batches were open and are sealed now. Raises MethodRefused."""
    if payload not in (None, {}):
        raise MethodRefused(400, "the payload must be null")
    return {"batches": len(flush())}


def _patterns(payload: object) -> list[str]:
    match payload:
        case None | {} if not payload:
            return ["*"]
        case {"signals": [*items], **rest} if not rest and len(items) <= MAX_PATTERNS:
            patterns = [item for item in items if isinstance(item, str) and item]
            if items and len(patterns) == len(items):
                return patterns
    raise MethodRefused(
        400, f'the payload must be null, or {{"signals": [...]}} with 1 to {MAX_PATTERNS} names or globs'
    )
