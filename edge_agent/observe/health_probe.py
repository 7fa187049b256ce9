"""Asks a running agent how it is, as a container's HEALTHCHECK does each few seconds: from the standard library alone.

The agent answers on a socket in Linux's abstract namespace (unix(7)): no file, so no write to flash, and none is left
behind by a power cut; it works where everything is read-only. The namespace is the network's, which `docker exec` and
HEALTHCHECK share with the container; with host networking the folder's own number keeps two agents apart.
"""

import json
import os
import socket
import sys
from pathlib import Path

from edge_agent.observe.health import Verdict

DEFAULT_FOLDER = Path("/var/lib/edge-agent")
ANSWER_S = 3.0
"""An event loop that takes longer for one line is wedged, or so busy that it is as good as that."""
_MOST_BYTES = 4096


def address_of(folder: Path) -> str:
    """Where the agent of a data folder answers. Raises OSError where there is no such folder."""
    status = folder.stat()
    return f"\0edge-agent-health-{status.st_dev:x}-{status.st_ino:x}"


def asked(folder: Path, limit_s: float = ANSWER_S) -> Verdict:
    """What the agent says of itself, or that it says nothing."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(limit_s)
            client.connect(address_of(folder))
            return Verdict(**json.loads(client.recv(_MOST_BYTES)))
    except TimeoutError:
        return Verdict(healthy=False, sentence=f"the agent does not answer within {limit_s:g} s")
    except OSError as error:
        return Verdict(healthy=False, sentence=f"no agent answers for {folder}: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        return Verdict(healthy=False, sentence=f"no agent answers for {folder}: its answer is none")


def tell_health() -> int:
    """For the folder of this environment: one sentence, and what the process is to exit with."""
    verdict = asked(Path(os.environ.get("DATA_FOLDER") or DEFAULT_FOLDER))
    sys.stdout.write(f"{'healthy' if verdict.healthy else 'unhealthy'}: {verdict.sentence}\n")
    return 0 if verdict.healthy else 1
