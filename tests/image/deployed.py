"""What a module's template leaves its container, as far as tests/image/container can do it."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Restrictions:
    """All else is the same in each: no capability, no new privileges, read-only files."""

    tmpfs: str
    """mount options of /tmp, such as `size=16m`"""


def restrictions(template: Path, module: str) -> Restrictions:
    """Of one module in it. Raises AssertionError where it leaves the container more or less than the script would."""
    document = json.loads(template.read_text())
    modules = document["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]
    host = modules[module]["settings"]["createOptions"]["HostConfig"]
    assert (host["CapDrop"], host.get("CapAdd", [])) == (["ALL"], []), "the script's container has no capability"
    assert host["SecurityOpt"] == ["no-new-privileges"], "the script's container can have no new privileges"
    assert host["ReadonlyRootfs"] is True, "the script's container is read-only"
    assert not host.get("Privileged"), "the script's container is not privileged"
    assert set(host["Tmpfs"]) == {"/tmp"}, "the script's container has a /tmp and no other"  # noqa: S108  in it
    return Restrictions(tmpfs=host["Tmpfs"]["/tmp"])  # noqa: S108
