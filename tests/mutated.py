"""A document with a rule of each kind, and what becomes of it where somebody errs."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from edge_agent.mistakes import Place

Doc = dict[str, Any]

GOOD: Doc = {
    "schema_version": 1,
    "rules": {
        "steady": {
            "kind": "periodic",
            "signals": ["Engine.Rpm", "Engine.*"],
            "every_ms": 1000,
            "keep": ["min", "max"],
            "priority": 2,
            "batch": {"max_age_s": 10, "max_bytes": 10000},
            "active": {"from": "2027-01-01T00:00Z", "until": "2028-01-01T00:00Z"},
        },
        "steps": {"kind": "on_change", "signals": ["Engine.Temp"], "deadband": {"relative": 0.1}, "heartbeat_ms": 1000},
        "lines": {"kind": "on_change", "signals": ["Engine.Rpm"], "max_error": 0.5, "while": "Engine.On == 1"},
        "alarm": {
            "kind": "event",
            "signals": ["*", "!Engine.On"],
            "when": "Engine.Temp > 100",
            "before_s": 5,
            "after_s": 5,
            "collect": {"every_ms": 100},
            "lane": "hot",
        },
        "parked": {"kind": "snapshot", "signals": ["*"], "at": "Engine.On == 0", "edge": "rising"},
    },
    "$version": 7,
}


def places(value: object, place: Place = ()) -> Iterator[Place]:
    yield place
    members = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for part, one in members:
        yield from places(one, (*place, part))


def at(document: Any, place: Place) -> Any:
    for part in place:
        document = document[part]
    return document


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 1 << 53, 1e300, -1e-300, "", " ", "*", "Engine.Rpm", "Engine.*", "!*", "x" * 5000])
    | st.sampled_from(["periodic", "on_change", "event", "snapshot", "perodic", "Engine.Rpm >", "((((", "last", "hot"])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.recursive(st.integers(0, 3), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner))
)
NAMES = st.sampled_from(["kind", "every_ms", "signals", "batch", "rules", "a.b", "$x", "a b", "", "_", "1"]) | st.text()


@st.composite
def mutated(draw: st.DrawFn) -> Doc:
    """The good document after a few changes anywhere in it."""
    document = deepcopy(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        *parent, last = draw(st.sampled_from([place for place in places(document) if place]))
        owner = at(document, tuple(parent))
        match draw(st.sampled_from(["replace", "remove", "add", "wrap", "rename"])):
            case "replace":
                owner[last] = draw(VALUES)
            case "remove":
                del owner[last]
            case "wrap":
                owner[last] = [owner[last]]
            case "add" if isinstance(owner, dict):
                owner[draw(NAMES)] = draw(VALUES)
            case "rename" if isinstance(owner, dict):
                owner[draw(NAMES)] = owner.pop(last)
            case _:
                owner.append(draw(VALUES))
        if not document:
            return document
    return document
