"""What deployment.template.json leaves a container, as far as tests/image/container can do it."""

import json
from dataclasses import dataclass
from pathlib import Path

TEMPLATE = Path(__file__).parents[2] / "deployment.template.json"


@dataclass(frozen=True, slots=True)
class Restrictions:
    """All else is the same in each: no capability, no new privileges, read-only files."""

    tmpfs: str
    """mount options of /tmp, such as `size=16m`"""


def restrictions(template: Path = TEMPLATE) -> Restrictions:
    """Raises AssertionError where the template leaves a container more or less than the script would."""
    document = json.loads(template.read_text())
    modules = document["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]
    host = modules["telematics"]["settings"]["createOptions"]["HostConfig"]
    assert (host["CapDrop"], host.get("CapAdd", [])) == (["ALL"], []), "the script's container has no capability"
    assert host["SecurityOpt"] == ["no-new-privileges"], "the script's container can have no new privileges"
    assert host["ReadonlyRootfs"] is True, "the script's container is read-only"
    assert not host.get("Privileged"), "the script's container is not privileged"
    assert set(host["Tmpfs"]) == {"/tmp"}, "the script's container has a /tmp and no other"  # noqa: S108  in it
    return Restrictions(tmpfs=host["Tmpfs"]["/tmp"])  # noqa: S108
