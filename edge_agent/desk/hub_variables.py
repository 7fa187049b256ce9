"""What `edge-agent hub` hands to a shell, and the ids it can be asked for."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from edge_agent.errors import BadSettings, DiskBusy, Fault, FileRefused
from edge_agent.localhub.files import replace_file
from edge_agent.localhub.identities import HUB_HOSTNAME
from edge_agent.uplink.edge_environment import DESK, WORKLOAD

_EXPORT = re.compile(r"export (\w+)=.*")
_ID = re.compile(r"[A-Za-z0-9\-:.%_*?!(),=@$']{1,128}")
"""What IoT Hub takes in an id (Microsoft, "Understand the identity registry in your IoT hub"), without `#` and `+`,
which are wildcards of MQTT, and `/`, which ends a level: ids stand in topics as they are."""


def judge_ids(ids: Mapping[str, str]) -> None:
    """Raise BadSettings for each id, by its option, that an IoT hub would not take or a topic could not hold."""
    reason = "is no id: 1 to 128 ASCII letters, digits and - : . % _ * ? ! ( ) , = @ $ ' are"
    faults = [Fault(option, f"{text!r} {reason}") for option, text in ids.items() if not _ID.fullmatch(text)]
    if faults:
        raise BadSettings(faults)


def exports(variables: Mapping[str, str]) -> str:
    """Lines for a shell, one a variable, whatever is in its value."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def judge_place(path: Path) -> None:
    """Raise BadSettings for a file of anybody else: it would be replaced now, and removed when the hub ends.

    What a hub that was killed has left is no reason, nor is an empty file.
    """
    if os.path.lexists(path) and not (path.is_file() and _is_ours(path)):
        raise BadSettings(
            [Fault("--env-file", f"{path} is there already and is not an environment this command wrote")]
        )


def _is_ours(path: Path) -> bool:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError):
        return False
    names = tuple(found[1] if (found := _EXPORT.fullmatch(line)) else "" for line in text.splitlines())
    return not text or (names in (WORKLOAD, DESK) and HUB_HOSTNAME in text)


def write_exports(path: Path, variables: Mapping[str, str]) -> None:
    """The same as a file, which is never there in part and is its owner's only: keys are in it. Raises FileRefused."""
    try:
        replace_file(path, exports(variables).encode())
    except DiskBusy as error:
        raise FileRefused(str(path), f"cannot be written: {error.reason}") from error
