"""A grant as it is kept. Pure."""

import json
from dataclasses import fields

from calendar_bridge.errors import GrantUnreadable
from calendar_bridge.records import Grant

_NAMES = tuple(one.name for one in fields(Grant))


def written(grant: Grant) -> str:
    """As JSON."""
    return json.dumps({name: getattr(grant, name) for name in _NAMES})


def read(text: str, grant_id: str) -> Grant:
    """Raises GrantUnreadable."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise GrantUnreadable(grant_id) from error
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in _NAMES):
        raise GrantUnreadable(grant_id)
    return Grant(**{name: found[name] for name in _NAMES})
