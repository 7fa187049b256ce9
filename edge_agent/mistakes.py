"""What pydantic found wrong, in words for whoever wrote the document or set the variable. Pure."""

from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails

Place = tuple[int | str, ...]

_SENTENCES = {
    "greater_than": "must be > {gt:.12g}",
    "greater_than_equal": "must be >= {ge:.12g}",
    "less_than_equal": "must be <= {le:.12g}",
    "missing": "must be given",
    "extra_forbidden": "no such field here",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length}",
    "tuple_type": "must be a list",
    "model_type": "input should be an object",
    "dict_type": "input should be an object",
    "union_tag_not_found": "must have a field {discriminator}",
    "union_tag_invalid": "{discriminator} must be one of {expected_tags}, not {tag!r}",
}
"""Where pydantic's own words speak of Python; by its error types, with their context."""


def mistakes(error: ValidationError) -> Iterator[tuple[Place, str]]:
    """Each mistake's place and one sentence."""
    items = error.errors()
    # A list whose items are all wrong counts as empty too; that is no second mistake.
    within = {item["loc"][:depth] for item in items for depth in range(len(item["loc"]))}
    for item in items:
        if item["type"] != "too_short" or item["loc"] not in within:
            yield item["loc"], _sentence(item)


def path(place: Place) -> str:
    """`("rules", "idle", "signals", 0)` as `rules.idle.signals[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def placed(place: Place, message: str, body: object) -> tuple[Place, str]:
    """As much of a place as `body` has; what of it is missing there begins the message."""
    while place and not _exists(place, body):
        place, message = place[:-1], f"{place[-1]} {message}"
    return place, message


def _exists(place: Place, body: object) -> bool:
    for part in place:
        match body, part:
            case dict(), str() if part in body:
                body = body[part]
            case list(), int() if part < len(body):
                body = body[part]
            case _:
                return False
    return True


def _sentence(item: ErrorDetails) -> str:
    words = _SENTENCES.get(item["type"])
    if words is not None:
        return words.format(**item.get("ctx", {}))
    message = item["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
