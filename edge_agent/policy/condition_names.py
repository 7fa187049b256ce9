"""What the names and labels of a condition mean on these buses. Pure."""

import struct
from collections.abc import Mapping
from dataclasses import replace

from edge_agent.decode.catalog import Catalog, nearest
from edge_agent.errors import ConditionRefused, SignalUnknown
from edge_agent.policy.condition_tree import Op, Tree
from edge_agent.records import RawKind

LABEL_RAWS = 32
"""Raw numbers one label may stand for: tables with `Reserved` at every free number exist."""


def bind(tree: Tree, catalog: Catalog) -> Tree:
    """The same condition with public names, and with the raw numbers of its labels.

    Raises SignalUnknown, or ConditionRefused where a name means several signals or a signal has no such label.
    """
    if not tree.signal:
        return replace(tree, operands=tuple(bind(operand, catalog) for operand in tree.operands))
    name = _public_name(tree, catalog)
    if tree.op is not Op.IS_LABEL:
        return replace(tree, signal=name)
    raws = _raws(tree, name, catalog.labels(name))
    kind = catalog.info(name).kind
    return replace(tree, signal=name, raws=tuple(kept for raw in raws for kept in _as_kept(raw, kind)))


def _public_name(tree: Tree, catalog: Catalog) -> str:
    found = catalog.match(tree.signal)
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(found[:3])
        raise ConditionRefused(tree.column, f"{tree.signal!r} means {len(found)} signals, {some} among them; write one")
    close = catalog.nearest(tree.signal)
    hint = f"; nearest: {', '.join(close)}" if close else ""
    raise SignalUnknown(tree.column, f"no signal {tree.signal!r}{hint}")


def _raws(tree: Tree, name: str, labels: Mapping[int, str]) -> list[int]:
    raws = [raw for raw, label in labels.items() if label == tree.label]
    if len(raws) > LABEL_RAWS:
        raise ConditionRefused(tree.column, f"{tree.label!r} stands for {len(raws)} numbers of {name}: compare these")
    if raws:
        return raws
    if not labels:
        raise ConditionRefused(tree.column, f"{name} has no labels: compare its number")
    close = nearest(tree.label, labels.values()) or tuple(dict.fromkeys(labels.values()))[:3]
    raise ConditionRefused(tree.column, f"{name} has no label {tree.label!r}; nearest: {', '.join(map(repr, close))}")


def _as_kept(raw: int, kind: RawKind) -> tuple[int, ...]:
    """The number as `SampleBlock.raw` has it; a float's zero is kept in two ways."""
    if kind is RawKind.FLOAT:
        values = (0.0, -0.0) if raw == 0 else (float(raw),)
        return tuple(int.from_bytes(struct.pack("<d", value), "little", signed=True) for value in values)
    whole = raw & 0xFFFF_FFFF_FFFF_FFFF
    return (whole - (1 << 64) if whole >> 63 else whole,)
