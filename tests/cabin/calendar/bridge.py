"""The bridge's half of the calendar, for tests: seals what a car shall have."""

from cabin.calendar.seal import CarKey
from tests.cabin.calendar.sealing import compact, seal

WEEK_S = 7 * 86_400


def sealed_item(
    key: CarKey, profile: str, name: str, version: int = 1, *, until_s: float, **fields: object
) -> dict[str, object]:
    """One entry of the twin's map; `title` is the name unless it is given."""
    plain = compact({"title": name, **fields})
    text = seal(plain, key.public, profile=profile, key=name, version=version, until_s=int(until_s))
    return {"n": version, "u": int(until_s), "s": text}


def at_hour(key: CarKey, profile: str, name: str, start_s: float, version: int = 1) -> dict[str, object]:
    """An hour from `start_s` on, until a week after it."""
    until_s = start_s + 3600 + WEEK_S // 2
    return sealed_item(key, profile, name, version, until_s=until_s, start=int(start_s), end=int(start_s) + 3600)
