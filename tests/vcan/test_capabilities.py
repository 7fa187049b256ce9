"""What a process without any capability can do on a real CAN interface, and what it cannot.

The kernel asks for capabilities and not for users, so these processes stay root's: their Python may be readable to root
alone. docs/image.md has what was seen.
"""

import asyncio
import json
import sys

import pytest

from edge_agent.acquire.socketcan import RECEIVE_BYTES
from tests.vcan.interface import VCAN0

pytestmark = [pytest.mark.vcan, pytest.mark.timeout(60)]

NET_ADMIN, NET_RAW = 1 << 12, 1 << 13
"""linux/capability.h"""
NOT_PERMITTED = 2
"""exit code of `ip` where the kernel refuses"""
MORE_THAN_ANYBODY_MAY = 1 << 29

TRIED = f"""
import json, subprocess, sys
from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.socketcan import SocketCanBus

def link(*words):
    return subprocess.run(["ip", "link", "set", "{VCAN0}", *words], stderr=subprocess.DEVNULL).returncode

bus = SocketCanBus(BusAddress("car", "socketcan", "{VCAN0}", True), int(sys.argv[1]))
bus.pass_only(None)
lines = open("/proc/self/status").read().splitlines()
[effective] = [int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")]
told = {{"effective": effective, "bytes": bus.receive_bytes, "mtu": link("mtu", "72"), "up": link("up")}}
bus.close()
json.dump(told, sys.stdout)
"""


async def tried(*capabilities: str, receive_bytes: int = RECEIVE_BYTES) -> dict[str, int]:
    """What the agent's own bus comes to with these capabilities and no others."""
    bounds = ",".join(["-all", *(f"+{name}" for name in capabilities)])
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--no-new-privs", "--inh-caps=-all", f"--bounding-set={bounds}", "--"),
        *(sys.executable, "-c", TRIED, str(receive_bytes)),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, int] = json.loads(said)
    return found


async def test_a_bus_is_opened_and_filtered_without_any_capability_but_not_set_up() -> None:
    can_do = await tried()

    assert (can_do["effective"], can_do["mtu"], can_do["up"]) == (0, NOT_PERMITTED, NOT_PERMITTED)


async def test_raw_can_is_none_of_what_net_raw_allows() -> None:
    assert await tried("net_raw") == {**await tried(), "effective": NET_RAW}


async def test_a_receive_buffer_is_had_up_to_the_systems_limit_and_beyond_it_with_net_admin() -> None:
    limit = (await tried(receive_bytes=MORE_THAN_ANYBODY_MAY))["bytes"]
    within = await tried(receive_bytes=limit // 2)
    beyond = await tried("net_admin", receive_bytes=2 * limit)

    assert within["bytes"] == limit // 2
    assert beyond == {"effective": NET_ADMIN, "bytes": 2 * limit, "mtu": 0, "up": 0}


async def test_another_user_has_nothing_of_a_capability_that_its_container_is_given() -> None:
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--reuid", "10001", "--regid", "10001", "--clear-groups", "--no-new-privs"),
        *("--inh-caps=-all,+net_admin", "--bounding-set=-all,+net_admin", "--", "ip", "link", "set", VCAN0, "up"),
    )

    assert await process.wait() == NOT_PERMITTED
