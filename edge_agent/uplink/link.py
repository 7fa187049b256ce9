"""Which kind of link carries what is sent: what a local file and the twin say of it, and what counts. Pure."""

from dataclasses import dataclass
from typing import Final

from edge_agent.errors import JsonRefused
from edge_agent.written_json import read_json

MEMBERS: Final = ("metered", "roaming")


@dataclass(frozen=True, slots=True)
class LinkSaid:
    """What one source says; None where it says nothing."""

    metered: bool | None = None
    roaming: bool | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """What counts."""

    metered: bool = True
    """bytes cost money; also where nobody says: data never cost money by mistake"""
    roaming: bool = False
    """in a network abroad; means nothing on a link that is not metered"""
    said_by: str = "nobody"
    """who says whether it is metered: `file`, `twin` or `nobody`"""


def counted(file: LinkSaid, twin: LinkSaid) -> Link:
    """What counts, member by member: the file's word, which is nearer to the modem, before the twin's."""
    metered = twin.metered if file.metered is None else file.metered
    roaming = twin.roaming if file.roaming is None else file.roaming
    said_by = "file" if file.metered is not None else "nobody" if twin.metered is None else "twin"
    return Link(metered is not False, bool(roaming), said_by)


def read_link(text: str) -> LinkSaid:
    """A file's content, `{"metered": true, "roaming": false}`, either left out. Raises ValueError with a sentence."""
    try:
        said = read_json(text)
    except JsonRefused as error:
        raise ValueError(str(error)) from error
    if not isinstance(said, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004  one class for all that a file can have wrong
    if unknown := [name for name in said if name not in MEMBERS]:
        raise ValueError(f"no member may be called {unknown[0]!r}, only {' and '.join(MEMBERS)}")
    for name, value in said.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")  # noqa: TRY004  likewise
    return LinkSaid(said.get("metered"), said.get("roaming"))
