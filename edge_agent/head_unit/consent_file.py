"""The driver's last decision on disk: it holds at the next start, before anything is heard. Blocking."""

import json
from pathlib import Path

from edge_agent import events
from edge_agent.durable import read_back, write_durably
from edge_agent.errors import ConsentRefused
from edge_agent.events import Log
from edge_agent.head_unit.consent import NOTHING, Consent, judged, needed, words
from edge_agent.records import Purpose


class ConsentFile:
    """`{"consent": as the cabin said it, "wipe": [purposes]}`, mode 0600, replaced whole.

    `wipe` names what is still to be wiped: it is written before a wipe begins, and emptied once that is done.
    """

    def __init__(self, path: Path, log: Log) -> None:
        self._path, self._log = path, log

    def read(self) -> tuple[Consent, Purpose]:
        """The last decision, and what was still to be wiped; no consent where there is none, or it cannot be read."""
        try:
            content = read_back(self._path)
            if content is None:
                return Consent(), NOTHING
            body = json.loads(content)
            return judged(body["consent"]), _named(body["wipe"])
        except (OSError, ValueError, RecursionError, LookupError, TypeError, ConsentRefused) as error:
            events.kept_consent_unusable(self._log, reason=str(error))
            return Consent(), NOTHING

    def write(self, consent: Consent, wipe: Purpose) -> None:
        """Keep both over power cuts. Raises OSError."""
        body = {"consent": consent.body(), "wipe": words(wipe)}
        write_durably(self._path, json.dumps(body).encode())


def _named(found: list[str]) -> Purpose:
    return needed(" ".join(found)) if found else NOTHING
