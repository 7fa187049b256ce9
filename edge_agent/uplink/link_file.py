"""The small local file in which whoever keeps the modem says which kind of link there is."""

import os
from pathlib import Path

from edge_agent import events
from edge_agent.events import Log
from edge_agent.uplink.link import LinkSaid, read_link

MOST_BYTES = 4096


class LinkFile:
    """One file, which may come, change and go at any time. Blocking."""

    def __init__(self, path: Path | None, log: Log) -> None:
        """Without a path it says nothing."""
        self._path = path
        self._log = log
        self._said = LinkSaid()
        self._told = ""

    def look(self) -> LinkSaid:
        """What it says now, and where it has a mistake what it said last; a file that is not there says nothing.

        A mistake is told once, until it is another or is mended.
        """
        if self._path is None:
            return self._said
        try:
            self._said = read_link(_content(self._path))
            self._told = ""
        except FileNotFoundError:
            self._said = LinkSaid()
            self._told = ""
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            if reason != self._told:
                events.link_file_unusable(self._log, path=str(self._path), reason=reason)
            self._told = reason
        return self._said


def _content(path: Path) -> str:
    with open(path, "rb", opener=_opened_at_once) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes")
    return content.decode()


def _opened_at_once(path: str, flags: int) -> int:
    """A pipe by that name would be waited for, and a device be read for ever.

    An opener, because `os.fdopen` leaves open what it refuses: Docker makes a folder of a file that it is to mount and
    cannot find, and each look at that would be a descriptor more.
    """
    return os.open(path, flags | os.O_NONBLOCK)
