"""Where in a twin document each model of its schema stands: paths for headings, anchors for links. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.desk.reference_words import Schema, model_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where the objects of one model stand."""

    model: str
    path: str
    """in a document, `rules.NAME.batch`"""
    having: str
    """what tells it from others of that path: a key, or `"kind": "event"`; empty where there are no others"""

    @property
    def heading(self) -> str:
        """Of the section that tells its fields."""
        return f"`{self.path}`" + (f" with `{self.having}`" if self.having else "")

    @property
    def link(self) -> str:
        """To that section, by the rule that makes anchors of headings."""
        kept = "".join(each for each in self.heading.lower() if each.isalnum() or each in "_- ")
        return f"[{self.having or self.path.rpartition('.')[2]}](#{kept.replace(' ', '-')})"


def places_of(schema: Schema) -> tuple[Place, ...]:
    """Of every model below a document's schema, each once, the nearest first."""
    models = schema["$defs"]
    found: dict[str, Place] = {}
    level = list(_below("", schema, models))
    while level:
        new = {place.model: place for place in reversed(level) if place.model not in found}
        found |= {place.model: new[place.model] for place in level if place.model in new}
        level = [inner for place in new.values() for inner in _below(place.path, models[place.model], models)]
    return tuple(found.values())


def _below(path: str, schema: Schema, models: Mapping[str, Schema]) -> Iterator[Place]:
    for name, field in schema["properties"].items():
        at = f"{path}.{name}" if path else name
        referred = list(dict.fromkeys(_models_in(field)))
        for model in referred:
            having = _having(models[model]) if len(referred) > 1 else ""
            yield Place(model, f"{at}.NAME" if "additionalProperties" in field else at, having)


def _having(model: Schema) -> str:
    """What tells a model from the others that may stand at its place."""
    kind = model["properties"].get("kind")
    return f'"kind": "{kind["const"]}"' if kind else str(next(iter(model["required"])))


def _models_in(value: Any) -> Iterator[str]:
    match value:
        case {"$ref": _}:
            yield model_of(value)
        case dict():
            for one in value.values():
                yield from _models_in(one)
        case list():
            for one in value:
                yield from _models_in(one)
