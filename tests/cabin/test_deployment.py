"""The template that deploys agent, broker and cabin, against what each of them makes of its part."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cabin import __version__
from cabin.calendar.store import Calendar
from cabin.clock import SystemClock
from cabin.records import Market
from cabin.settings import Settings, read_settings
from cabin.tapin.roles import NEEDED_TO_PARK, VSS_NAMES
from cabin.twin import CabinTwin
from edge_agent.desk.manifest import Deployment, deployment_mistakes, read_deployment
from edge_agent.desk.vehicle import database_path
from edge_agent.settings import settings_of_environment
from tests.docs.pages import blocks
from tests.uplink.fakes import Told

ROOT = Path(__file__).parents[2]
PLAIN, WITH_CABIN = ROOT / "deployment.template.json", ROOT / "deployment.cabin.template.json"
VARIABLES = {"CONTAINER_REGISTRY": "registry.example", "TIME_ZONE": "Europe/Berlin"}
BROKER = ROOT / "modules" / "cabin" / "broker"
DIFFERS = {
    "$edgeAgent.properties.desired.modules.broker",
    "$edgeAgent.properties.desired.modules.cabin",
    "$edgeAgent.properties.desired.modules.telematics.env.BUSES.value",
    "$edgeAgent.properties.desired.modules.telematics.env.CONSENT",
    "$edgeAgent.properties.desired.modules.telematics.env.TAP_BROKER",
    "$edgeAgent.properties.desired.modules.telematics.env.TAP_PASSWORD_FILE",
    "$edgeAgent.properties.desired.modules.telematics.env.TAP_USER",
    "$edgeAgent.properties.desired.modules.telematics.settings.createOptions.HostConfig.Binds",
    "telematics.properties.desired.rules.trip.purpose",
    "telematics.properties.desired.tap",
}
"""where the template with a cabin is not the one without, as docs/deploy.md tells it"""


def rendered() -> Deployment:
    return read_deployment(WITH_CABIN, VARIABLES, "arm64v8")


def modules() -> dict[str, Any]:
    template = json.loads(WITH_CABIN.read_text())
    found: dict[str, Any] = template["modulesContent"]["$edgeAgent"]["properties.desired"]["modules"]
    return found


def host_config(module: str) -> dict[str, Any]:
    found: dict[str, Any] = modules()[module]["settings"]["createOptions"]["HostConfig"]
    return found


def mounted(module: str) -> dict[str, str]:
    """What of the host is where in the container."""
    return {target: source for source, target, *_ in (bind.split(":") for bind in host_config(module)["Binds"])}


def differences(one: object, other: object, place: str = "") -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted(one.keys() | other.keys()):
            if name in one and name in other:
                yield from differences(one[name], other[name], f"{place}.{name}")
            else:
                yield f"{place}.{name}".lstrip(".")
    elif one != other:
        yield place.lstrip(".")


def mentioned(path: Path) -> dict[str, str]:
    """The settings of a mosquitto.conf."""
    lines = [line.split(maxsplit=1) for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(lines)


def test_it_has_no_mistake_and_its_twin_names_signals_that_there_are() -> None:
    mapping = database_path().with_suffix(".vss.json")

    assert deployment_mistakes(rendered(), "telematics", [database_path()], mapping) == ()


def test_it_differs_from_the_template_without_a_cabin_where_it_is_told_to() -> None:
    plain, with_cabin = (json.loads(path.read_text())["modulesContent"] for path in (PLAIN, WITH_CABIN))

    assert set(differences(plain, with_cabin)) == DIFFERS


@pytest.mark.parametrize("platform", ["amd64", "arm64v8"])
def test_the_cabins_image_is_of_the_platform_and_of_this_release(platform: str) -> None:
    deployment = read_deployment(WITH_CABIN, VARIABLES, platform)

    image = deployment.manifest.agent.modules["cabin"].settings.image
    assert image == f"registry.example/cabin:{__version__}-{platform}"


def test_the_cabin_takes_its_environment_and_knows_every_variable_of_it() -> None:
    environment = rendered().environment("cabin", {})
    known = {f"CABIN_{field.name.upper()}" for field in fields(Settings)}

    settings = read_settings(environment)

    assert settings.market is Market.STRICT, "a vehicle is sold somewhere else by a decision, not by a template"
    assert {name for name in environment if name.startswith("CABIN_")} <= known
    assert environment["TZ"] == "Europe/Berlin"


def test_agent_and_cabin_meet_at_the_broker_that_is_deployed_each_as_its_own_user() -> None:
    agent = settings_of_environment(rendered().environment("telematics", {}))
    cabin = read_settings(rendered().environment("cabin", {}))
    conf = mentioned(BROKER / "mosquitto.conf")
    port, address = conf["listener"].split()

    assert agent.tap_broker == f"{address}:{port}"
    assert (cabin.broker_host, str(cabin.broker_port)) == (address, port)
    users = [line.split()[1] for line in (BROKER / "acl").read_text().splitlines() if line.startswith("user ")]
    assert [agent.tap_user, cabin.broker_user] == users


def test_the_driver_decides_what_the_agent_sends() -> None:
    agent = settings_of_environment(rendered().environment("telematics", {}))
    rules = rendered().manifest.modules_content.twins["telematics"].desired["rules"]
    assert isinstance(rules, dict)

    purposes = {name: rule.get("purpose", "cloud_telemetry") for name, rule in rules.items() if isinstance(rule, dict)}
    assert agent.consent == "cabin"
    assert purposes == dict.fromkeys(rules, "cloud_telemetry")


def test_each_module_has_its_password_from_a_folder_that_the_other_does_not_see() -> None:
    agent = settings_of_environment(rendered().environment("telematics", {}))
    cabin = read_settings(rendered().environment("cabin", {}))
    files = {"telematics": agent.tap_password_file, "cabin": cabin.broker_password_file}

    folders = {name: mounted(name)[str(file.parent)] for name, file in files.items() if file}
    assert len(set(folders.values())) == 2
    assert all(f"{folder}:/run/secrets:ro" in host_config(name)["Binds"] for name, folder in folders.items())
    variables = {name for one in modules().values() for name in one.get("env", ())}
    assert not {"TAP_PASSWORD", "CABIN_BROKER_PASSWORD"} & variables


def test_the_broker_reads_its_configuration_where_it_is_mounted() -> None:
    conf = mentioned(BROKER / "mosquitto.conf")
    (folder,) = {str(Path(conf[name]).parent) for name in ("password_file", "acl_file")}

    assert list(mounted("broker")) == [folder]
    assert host_config("broker")["Binds"] == [f"{mounted('broker')[folder]}:{folder}:ro"]


@pytest.mark.parametrize("module", ["broker", "cabin", "telematics"])
def test_no_module_has_a_privilege_or_a_port_that_others_reach(module: str) -> None:
    host = host_config(module)
    options = modules()[module]["settings"]["createOptions"]

    assert (host["CapDrop"], host["SecurityOpt"], host["ReadonlyRootfs"]) == (["ALL"], ["no-new-privileges"], True)
    assert not host.keys() & {"CapAdd", "Devices", "PortBindings", "Privileged", "PublishAllPorts"}
    assert (host["NetworkMode"], options["NetworkingConfig"]) == ("host", {"EndpointsConfig": {"host": {}}})
    assert not [bind for bind in host["Binds"] if "docker.sock" in bind or "dbus" in bind]


def test_no_two_modules_write_to_one_folder_of_the_host() -> None:
    written = [bind.split(":")[0] for module in modules() for bind in host_config(module)["Binds"] if ":ro" not in bind]

    assert len(set(written)) == len(written)
    assert not [pair for pair in pairwise(sorted(written)) if pair[1].startswith(f"{pair[0]}/")]


def test_the_calendar_of_a_vehicle_outlives_a_deployment() -> None:
    assert "cabin" not in json.loads(WITH_CABIN.read_text())["modulesContent"]


def test_what_the_tap_says_is_enough_to_know_that_the_vehicle_is_parked() -> None:
    tap = rendered().manifest.modules_content.twins["telematics"].desired["tap"]
    assert isinstance(tap, dict)
    assert isinstance(tap["signals"], list)
    mapped = json.loads(database_path().with_suffix(".vss.json").read_text())

    said = {name for name in mapped if any(fnmatch(name, str(glob)) for glob in tap["signals"])}
    assert [group for group in NEEDED_TO_PARK if not any(said & set(VSS_NAMES[role]) for role in group)] == []


async def test_the_twin_that_the_readme_shows_holds(tmp_path: Path) -> None:
    (shown,) = [block for block in blocks() if block.page == "modules/cabin/README.md" and block.language == "json"]
    log = Told()
    twin = CabinTwin(
        Calendar(tmp_path, SystemClock(), log), tmp_path / "twin.json", market=Market.STRICT, language="en", log=log
    )

    reported = json.loads(await twin.document(json.dumps({"desired": json.loads(shown.text) | {"$version": 3}})))

    assert (reported["status"], reported["version"], reported["errors"]) == ("applied", 3, [])
    assert twin.config.language == "de"


def test_the_readme_tells_every_variable_with_its_default() -> None:
    text = (ROOT / "modules" / "cabin" / "README.md").read_text()
    table = text.partition("## Its environment")[2].partition("\n## ")[0]
    told = {f"CABIN_{field.name.upper()}": field.default for field in fields(Settings)}
    told.pop("CABIN_RUNTIME_LOG_LEVEL")

    assert sorted(name for name in told if f"`{name}`" not in table) == []
    rows = {name: line for line in table.splitlines() for name in told if f"`{name}`" in line}
    texts = {name: str(default) for name, default in told.items() if isinstance(default, str | int | Path)}
    assert {name: text for name, text in texts.items() if text not in rows[name]} == {}
