"""Nothing that opens a door is in anything the agent says or keeps, whatever goes wrong."""

import asyncio
import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from edge_agent.localhub.authority import load_certificates
from edge_agent.localhub.hub import LocalHub
from tests.journey.line import (
    DEVICE,
    EVERYTHING,
    MODULE,
    VEHICLE,
    AgentProcess,
    agent_process,
    buses_variable,
    desire,
    document,
    eager,
    local_hub,
)
from tests.journey.recordings import write_drive

ADDRESS = "127.0.0.116"
PASSWORD = "a password, with a % and a ü"  # noqa: S105  it opens nothing
WRONG_KEY = base64.b64encode(b"a key that was right once, and is secret still").decode()
KEY = re.compile(r"(?<=SharedAccessKey=)[^;]+")
SIGNATURE = re.compile(rb"SharedAccessSignature|(?<![a-z])sig(=|%3D)", re.IGNORECASE)

CRASHING = """
from edge_agent.uplink import iotedge, mqtt

async def opened(self, *_):
    raise RuntimeError("made to fail, with all of its variables at hand")

iotedge.IotEdgeSession.open = iotedge.IotEdge._create = mqtt.MqttUplink.connect = opened
"""


@dataclass(frozen=True)
class Way:
    """How an agent gets to the cloud: what it is told when all is well, and what it must tell nobody."""

    variables: Mapping[str, str]
    secrets: tuple[str, ...]


def way_of(name: str, hub: LocalHub) -> Way:
    string = hub.environment("connection_string")["EdgeHubConnectionString"]
    keys = tuple(KEY.findall(string + ";" + hub.direct(MODULE)["HUB_CONNECTION_STRING"]))
    match name:
        case "connection string":
            return Way(hub.environment("connection_string"), keys)
        case "workload API":
            return Way(hub.environment("workload"), keys)
        case "HUB_CONNECTION_STRING":
            return Way({"UPLINK": "hub", **hub.direct(MODULE)}, keys)
    # The local hub speaks no MQTT 5: it hears the password, and refuses.
    broker = {"MQTT_HOST": ADDRESS, "MQTT_PORT": "8883", "MQTT_CA_FILE": str(hub.folder / "ca.pem")}
    module = {"UPLINK": "mqtt", "IOTEDGE_DEVICEID": DEVICE, "IOTEDGE_MODULEID": MODULE}
    return Way({**module, **broker, "MQTT_USERNAME": "car", "MQTT_PASSWORD": PASSWORD}, (PASSWORD,))


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["connection string", "workload API", "HUB_CONNECTION_STRING", "MQTT password"])
async def test_no_key_no_token_and_no_password_is_said_or_kept(tmp_path: Path, name: str) -> None:
    log = write_drive(tmp_path / "drive.log", seed=3, seconds=60)
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(everything=eager(EVERYTHING)))
        way = way_of(name, hub)
        car = {"BUSES": buses_variable(VEHICLE), "REPLAY_LOG": str(log), **way.variables}
        homes = [tmp_path / act for act in ("day", "key", "authority", "settings", "crash")]
        day, key, authority, settings, crash = homes
        async with agent_process(day, car) as agent:
            await (delivers(agent, hub) if name != "MQTT password" else fails_to_connect(agent))
        async with agent_process(key, {name: KEY.sub(WRONG_KEY, value) for name, value in car.items()}) as agent:
            if name == "workload API":  # there the daemon has the key, and no variable
                await delivers(agent, hub)
            else:
                await fails_to_connect(agent)
        async with agent_process(authority, car | of_another_authority(car, tmp_path / "other")) as agent:
            await fails_to_connect(agent)
        async with agent_process(settings, car | {"BUSES": "none", "COMMIT_S": "soon"}) as agent:
            assert await agent.ended() == 1
        (crash / "path").mkdir(parents=True)
        (crash / "path" / "sitecustomize.py").write_text(CRASHING)
        async with agent_process(crash, car | {"PYTHONPATH": str(crash / "path")}) as agent:
            await agent.told("app.stage_failed")
            assert await agent.ended() == 1

    for home in homes:
        for path in kept_and_said(home):
            assert leaks((*way.secrets, WRONG_KEY), path.read_bytes()) == [], path


def test_a_secret_is_found_in_each_of_its_forms() -> None:
    for form in forms(PASSWORD):
        assert leaks([PASSWORD], b"before " + form + b" after") == [form]
    assert leaks([PASSWORD], b"SharedAccessSignature sr=a") == [b"SharedAccessSignature"]
    assert leaks([PASSWORD], b'{"password": "sr%3Da%26sig%3Db"}') == [b"sig%3D"]
    assert leaks([PASSWORD], b"a healthy day: the design=good") == []


def forms(secret: str) -> list[bytes]:
    """As it stands, in base64, in a URL, in JSON, and what it is the base64 of."""
    plain = secret.encode()
    decoded = [base64.b64decode(plain)] if re.fullmatch(r"[A-Za-z0-9+/]{16,}={0,2}", secret) else []
    written = (plain, base64.b64encode(plain), quote(secret, safe="").encode(), secret.encode("unicode_escape"))
    return list(dict.fromkeys((*written, *decoded)))


def leaks(secrets: Iterable[str], text: bytes) -> list[bytes]:
    found = [form for secret in secrets for form in forms(secret) if form in text]
    return found + [match[0] for match in SIGNATURE.finditer(text)]


def kept_and_said(home: Path) -> list[Path]:
    """What the agent wrote to its outputs and to its data folder."""
    paths = [*home.glob("said-*"), *(path for path in (home / "data").rglob("*") if path.is_file())]
    assert any(path.stat().st_size for path in paths)
    return paths


def of_another_authority(car: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The same variables, with a certificate that did not sign the hub's; or where that is not in them, no daemon."""
    folder.mkdir()
    other = load_certificates(folder, [ADDRESS], datetime.now(UTC)).authority
    named = [name for name in ("EdgeModuleCACertificateFile", "HUB_CA_FILE", "MQTT_CA_FILE") if name in car]
    return dict.fromkeys(named, str(other)) or {"IOTEDGE_WORKLOADURI": f"unix://{folder}/none.sock"}


async def delivers(agent: AgentProcess, hub: LocalHub) -> None:
    """Through a connection that is lost, and a twin that asks for what there is not."""
    await agent.told("uplink.batch_acked")
    hub.drop_connections()
    await desire(hub.folder, {"rules": {"broken": {"kind": "periodic", "signals": ["Not.There"], "every_ms": 1}}})
    await agent.told("twin.document_refused")
    await desire(hub.folder, {"rules": {"broken": None}})
    agent.terminate()
    assert await agent.ended() == 0


async def fails_to_connect(agent: AgentProcess) -> None:
    await agent.told("uplink.link_down")
    agent.terminate()
    await asyncio.wait_for(agent.ended(), 20)
