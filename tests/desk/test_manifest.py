"""Every mistake of a deployment is named by a path that it has, before anything is deployed."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from edge_agent import __version__
from edge_agent.desk.manifest import deployment_mistakes, read_deployment, variables_of
from edge_agent.desk.vehicle import database_path
from edge_agent.errors import BadSettings, DatabaseRefused, DocumentRefused, Fault, FileRefused
from tests.desk.manifests import (
    REGISTRY,
    ROOT,
    TEMPLATE,
    Change,
    agent,
    deployed,
    has,
    hub,
    options,
    project,
    telematics,
    template,
    twin,
)

AGENT = "modulesContent.$edgeAgent.properties.desired"
HUB = "modulesContent.$edgeHub.properties.desired"
MODULE = f"{AGENT}.modules.telematics"
OPTIONS = f"{MODULE}.settings.createOptions"
TWIN = "modulesContent.telematics.properties.desired"
EDGE_HUB = f"{AGENT}.systemModules.edgeHub"


def mistakes(folder: Path, *changes: Change) -> list[Fault]:
    file = project(folder, template(*changes))
    try:
        return list(deployment_mistakes(read_deployment(file, REGISTRY, "arm64v8"), "telematics"))
    except DocumentRefused as refusal:
        return list(refusal.faults)


def buses(**changes: object) -> dict[str, str]:
    return {"value": json.dumps([{"name": "powertrain", "channel": "can0", **changes}])}


WRONG: list[tuple[Change, str, str]] = [
    # The shape.
    (lambda d: d.update(modulesContnt={}), "modulesContnt", "no such field here"),
    (lambda d: d["modulesContent"].pop("$edgeHub"), "modulesContent", "$edgeHub must be given"),
    (lambda d: d["modulesContent"]["telematics"].clear(), "modulesContent.telematics", "properties.desired must"),
    (lambda d: agent(d).update(schemaVersion="1.2"), f"{AGENT}.schemaVersion", "input should be '1.0' or '1.1'"),
    (lambda d: agent(d).pop("runtime"), AGENT, "runtime must be given"),
    (lambda d: agent(d)["runtime"].update(type="podman"), f"{AGENT}.runtime.type", "should be 'docker'"),
    (
        lambda d: agent(d)["runtime"]["settings"].update(registryCredentials={"own": {"username": "a"}}),
        f"{AGENT}.runtime.settings.registryCredentials.own",
        "password must be given",
    ),
    (lambda d: agent(d)["systemModules"].pop("edgeHub"), f"{AGENT}.systemModules", "edgeHub must be given"),
    (lambda d: telematics(d).update(restartPolicy="Always"), f"{MODULE}.restartPolicy", "'on-unhealthy' or 'always'"),
    (lambda d: telematics(d).pop("status"), MODULE, "status must be given"),
    (lambda d: telematics(d).update(imagePullPolicy="always"), f"{MODULE}.imagePullPolicy", "'on-create' or 'never'"),
    (lambda d: telematics(d).update(startupOrder=-1), f"{MODULE}.startupOrder", "must be >= 0"),
    (lambda d: telematics(d).update(startUpOrder=1), f"{MODULE}.startUpOrder", "no such field here"),
    (lambda d: telematics(d)["env"].update(TICK_MS="100"), f"{MODULE}.env.TICK_MS", "should be an object"),
    (
        lambda d: telematics(d)["env"].update(CLOCK_TRUSTED={"value": True}),
        f"{MODULE}.env.CLOCK_TRUSTED.value",
        "should be a valid string",
    ),
    (lambda d: telematics(d)["settings"].update(image="Reg/Img:1"), f"{MODULE}.settings.image", "is no image"),
    (lambda d: telematics(d)["settings"].pop("image"), f"{MODULE}.settings", "image must be given"),
    (lambda d: agent(d)["modules"].update({"a b": telematics(d)}), f"{AGENT}.modules.a b", "a module's name has"),
    # The container.
    (lambda d: options(d).update(HostConfg={}), f"{OPTIONS}.HostConfg", "no such field here"),
    (lambda d: options(d)["HostConfig"].update(Bind=["/a:/b"]), f"{OPTIONS}.HostConfig.Bind", "no such field here"),
    (
        lambda d: options(d)["HostConfig"].update(Binds=["/var/lib/edge-agent"]),
        f"{OPTIONS}.HostConfig.Binds[0]",
        "is no bind: write",
    ),
    (
        lambda d: options(d)["HostConfig"].update(Devices=[{"PathOnHost": "/dev/ttyUSB0"}]),
        f"{OPTIONS}.HostConfig.Devices[0]",
        "PathInContainer must be given",
    ),
    (lambda d: options(d)["HostConfig"].update(CapAdd=["net_admin"]), f"{OPTIONS}.HostConfig.CapAdd[0]", "match"),
    (lambda d: options(d)["HostConfig"].update(Privileged="no"), f"{OPTIONS}.HostConfig.Privileged", "boolean"),
    (
        lambda d: options(d)["HostConfig"].update(PortBindings={"9600": []}),
        f"{OPTIONS}.HostConfig.PortBindings.9600",
        "is no port: write it as 8883/tcp",
    ),
    (lambda d: options(d).update(Env=["no value"]), f"{OPTIONS}.Env[0]", "must be NAME=value"),
    (lambda d: telematics(d)["settings"].update(createOptions="{"), OPTIONS, "not JSON"),
    (lambda d: telematics(d)["settings"].update(createOptions="[]"), OPTIONS, "must be an object"),
    (
        lambda d: telematics(d)["settings"].update(createOptions="{", createOptions02="}"),
        OPTIONS,
        "createOptions01 must be given: there are 2 parts",
    ),
    (lambda d: telematics(d)["settings"].update(createOptions01="}"), OPTIONS, "text in every part"),
    # Network and folders.
    (lambda d: options(d)["HostConfig"].pop("NetworkMode"), f"{OPTIONS}.HostConfig", "NetworkMode must be 'host'"),
    (
        lambda d: options(d)["HostConfig"].update(NetworkMode="bridge"),
        f"{OPTIONS}.HostConfig.NetworkMode",
        "must be 'host'",
    ),
    (lambda d: options(d).pop("NetworkingConfig"), OPTIONS, "NetworkingConfig EndpointsConfig host must be given"),
    (
        lambda d: options(d)["NetworkingConfig"]["EndpointsConfig"].clear(),
        f"{OPTIONS}.NetworkingConfig.EndpointsConfig",
        "host must be given",
    ),
    (
        lambda d: agent(d)["systemModules"]["edgeHub"]["settings"]["createOptions"]["HostConfig"]["PortBindings"].pop(
            "8883/tcp"
        ),
        f"{EDGE_HUB}.settings.createOptions.HostConfig.PortBindings",
        "8883/tcp must be published at 8883",
    ),
    (lambda d: options(d)["HostConfig"].pop("Binds"), f"{OPTIONS}.HostConfig", "would die with the container"),
    (
        lambda d: options(d)["HostConfig"]["Binds"].append("/else:/var/lib/edge-agent/:ro"),
        f"{OPTIONS}.HostConfig.Binds",
        "read-only",
    ),
    # The environment.
    (lambda d: telematics(d)["env"].pop("BUSES"), f"{MODULE}.env", "BUSES must be given"),
    (lambda d: telematics(d)["env"]["BUSES"].update(value="[{"), f"{MODULE}.env.BUSES.value", "not JSON"),
    (
        lambda d: telematics(d)["env"].update(BUSES=buses(channel=0)),
        f"{MODULE}.env.BUSES.value",
        "[0].channel input should be a valid string",
    ),
    (
        lambda d: telematics(d)["env"].update(METRICS_PORT={"value": "96000"}),
        f"{MODULE}.env.METRICS_PORT.value",
        "must be <= 65535",
    ),
    (
        lambda d: telematics(d)["env"].update(RuntimeLogLevel={"value": "loud"}),
        f"{MODULE}.env.RuntimeLogLevel.value",
        "should be 'fatal'",
    ),
    (
        lambda d: telematics(d)["env"].update(SPOOL_CAP_BYTE={"value": "1"}),
        f"{MODULE}.env.SPOOL_CAP_BYTE",
        "there is no such setting; nearest: SPOOL_CAP_BYTES",
    ),
    (
        lambda d: telematics(d)["env"].update(IOTEDGE_DEVICEID={"value": "car"}),
        f"{MODULE}.env.IOTEDGE_DEVICEID",
        "is IoT Edge's own to set",
    ),
    # Routes.
    (lambda d: hub(d).pop("storeAndForwardConfiguration"), HUB, "storeAndForwardConfiguration must be given"),
    (lambda d: hub(d)["routes"]["telematicsHot"].update(priority=10), f"{HUB}.routes.telematicsHot.priority", "<= 9"),
    (
        lambda d: hub(d)["routes"]["telematicsHot"].update(timeToLiveSecs="1h"),
        f"{HUB}.routes.telematicsHot.timeToLiveSecs",
        "valid integer",
    ),
    (lambda d: hub(d)["routes"].update(cabin="INTO $upstream"), f"{HUB}.routes.cabin", "route must be FROM <source>"),
    (
        lambda d: hub(d)["routes"]["telematicsHot"].update(route="FROM /messages/* INTO $upsteam"),
        f"{HUB}.routes.telematicsHot.route",
        "its sink is none",
    ),
    (
        lambda d: hub(d)["routes"].update(cabin="FROM /messages/modules/cabbin/* INTO $upstream"),
        f"{HUB}.routes.cabin",
        "names module 'cabbin', which is not deployed",
    ),
    (
        lambda d: hub(d)["routes"].update(
            cabin='FROM /messages/modules/telematics/* INTO BrokeredEndpoint("/modules/cabin/inputs/trips")'
        ),
        f"{HUB}.routes.cabin",
        "names module 'cabin', which is not deployed",
    ),
    (lambda d: hub(d)["routes"].pop("telematicsWarm"), f"{HUB}.routes", "none takes lane 'warm'"),
    (lambda d: hub(d)["routes"].clear(), f"{HUB}.routes", "none takes lane 'hot'"),
    (lambda d: telematics(d)["env"]["OUTPUT"].update(value="other"), f"{HUB}.routes", "/outputs/other"),
    (lambda d: hub(d).update(schemaVersion="1.0"), f"{HUB}.routes.telematicsHot", "is of schemaVersion 1.1"),
    (lambda d: agent(d).update(schemaVersion="1.0"), f"{MODULE}.startupOrder", "is of schemaVersion 1.1"),
    (lambda d: hub(d)["routes"].update({"a.b": "FROM /* INTO $upstream"}), f"{HUB}.routes", "the name 'a.b'"),
    # Twins, and what they hold.
    (
        lambda d: d["modulesContent"].update(cabin={"properties.desired": {}}),
        "modulesContent.cabin",
        "is a twin of no module",
    ),
    (lambda d: twin(d)["rules"]["trip"].update(every_ms=1), f"{TWIN}.rules.trip.every_ms", "must be >= 10"),
    (lambda d: twin(d)["rules"]["trip"].pop("every_ms"), f"{TWIN}.rules.trip", "every_ms must be given"),
    (lambda d: twin(d)["rules"]["trip"].update(kind="often"), f"{TWIN}.rules.trip", "must be one of 'periodic'"),
    (lambda d: twin(d)["rules"]["trip"].update({"while": "1 +"}), f"{TWIN}.rules.trip.while", "column"),
    (lambda d: twin(d).pop("schema_version"), TWIN, "schema_version must be given"),
    (
        lambda d: telematics(d)["env"].update(BUSES=buses(dbc=["x" * 4100])),
        f"{MODULE}.env.BUSES.value",
        "a text longer than 4096 bytes",
    ),
    (
        lambda d: telematics(d)["env"].update({f"N{number}": {"value": "x" * 4000} for number in range(9)}),
        AGENT,
        "the limit is 32768",
    ),
    (
        lambda d: agent(d)["modules"].update(other=telematics(d)) or agent(d)["modules"].pop("telematics"),
        f"{AGENT}.modules",
        "telematics must be given: it is the module that is Edge Agent",
    ),
    (
        lambda d: telematics(d)["settings"].update(image="${REGISTRY}/telematics:1"),
        f"{MODULE}.settings.image",
        "nothing says what ${REGISTRY} is",
    ),
    (
        lambda d: telematics(d)["settings"].update(image="${MODULES.cabin}"),
        f"{MODULE}.settings.image",
        "is no image: no modules/cabin/module.json",
    ),
    (
        lambda d: options(d)["HostConfig"]["Binds"].append("${DATA}:/data"),
        f"{OPTIONS}.HostConfig.Binds[2]",
        "nothing says what ${DATA} is",
    ),
]


def test_the_projects_own_template_has_no_mistake_and_its_twin_names_signals_that_there_are() -> None:
    deployment = read_deployment(TEMPLATE, REGISTRY, "arm64v8")
    assert deployment_mistakes(deployment, "telematics", [database_path()]) == ()


@pytest.mark.parametrize(("change", "place", "words"), WRONG, ids=[f"{place} {words}" for _, place, words in WRONG])
def test_a_mistake_is_named_by_a_path_that_the_manifest_has(
    change: Change, place: str, words: str, tmp_path: Path
) -> None:
    found = mistakes(tmp_path, change)
    assert [fault for fault in found if fault.loc == place and words in fault.message], found
    assert not [fault for fault in found if not has(template(change), fault.loc)]


def test_all_mistakes_of_a_kind_are_named_at_once(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        lambda d: options(d)["HostConfig"].pop("NetworkMode"),
        lambda d: options(d)["HostConfig"]["Binds"].pop(0),
        lambda d: hub(d)["routes"].pop("telematicsHot"),
        lambda d: twin(d)["rules"]["doors"].update(lane="luke"),
    )
    assert [fault.loc for fault in found] == [
        f"{OPTIONS}.HostConfig",
        f"{OPTIONS}.HostConfig.Binds",
        f"{HUB}.routes",
        f"{TWIN}.rules.doors.lane",
    ]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_left_out_or_of_another_kind_ends_in_faults_at_places_that_there_are(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311  which mistake, not a secret

    def spoil(document: dict[str, Any]) -> None:
        body: Any = document
        while True:
            names = list(body) if isinstance(body, dict) else list(range(len(body)))
            name = chance.choice(names)
            if not isinstance(body[name], dict | list) or not body[name] or chance.random() < 0.1:
                body[name] = chance.choice([None, 7, "", [], {}, [None], {"a": {}}, "${", True])
                return
            body = body[name]

    wrong = template(spoil)
    file = project(tmp_path, wrong)
    try:
        found = deployment_mistakes(read_deployment(file, REGISTRY, "arm64v8"), "telematics")
    except DocumentRefused as refusal:
        found = refusal.faults
    assert not [fault for fault in found if not has(wrong, fault.loc)]


def test_signals_that_no_database_has_are_mistakes_where_databases_are_given(tmp_path: Path) -> None:
    def misspell(document: dict[str, Any]) -> None:
        twin(document)["rules"]["trip"]["signals"] = ["Motion.VehicelSpeed"]

    deployment = deployed(tmp_path, misspell)
    assert deployment_mistakes(deployment, "telematics") == ()
    (fault,) = deployment_mistakes(deployment, "telematics", [database_path()])
    assert fault.loc == f"{TWIN}.rules.trip.signals[0]"
    assert "nearest: Motion.VehicleSpeed" in fault.message
    with pytest.raises(DatabaseRefused):
        deployment_mistakes(deployment, "telematics", [tmp_path / "absent.dbc"])


def test_what_was_rendered_is_taken_again_and_gives_the_same(tmp_path: Path) -> None:
    first = deployed(tmp_path)
    (tmp_path / "deployment.json").write_text(first.text())
    again = read_deployment(tmp_path / "deployment.json", {}, "arm64v8")
    assert again.text() == first.text()
    assert again.manifest.model_copy(update={"dialect": None, "template": None}) == again.manifest


@pytest.mark.parametrize("platform", ["amd64", "arm64v8"])
def test_the_image_is_the_modules_of_the_platform_and_of_this_release(platform: str) -> None:
    deployment = read_deployment(TEMPLATE, REGISTRY, platform)
    image = deployment.manifest.agent.modules["telematics"].settings.image
    assert image == f"registry.example/telematics:{__version__}-{platform}"


def test_an_image_can_name_its_platform_itself(tmp_path: Path) -> None:
    deployment = deployed(tmp_path, lambda d: telematics(d)["settings"].update(image="${MODULES.telematics.amd64}"))
    assert deployment.manifest.agent.modules["telematics"].settings.image.endswith("-amd64")


def test_a_module_file_is_judged_too(tmp_path: Path) -> None:
    file = project(tmp_path, template())
    module = tmp_path / "modules" / "telematics" / "module.json"
    body = json.loads(module.read_text())
    body["image"]["tag"].pop("version")
    module.write_text(json.dumps(body))
    with pytest.raises(DocumentRefused) as refused:
        read_deployment(file, REGISTRY, "arm64v8")
    assert str(refused.value) == f"{module} image.tag: version must be given"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "line 1 column 2"),
        ("[]", "is no JSON object"),
        ('{"a": {"b": 1, "b": 2}}', "'b' stands twice in one object"),
        ('{"a": ' * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_object_is_refused_by_its_place(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(text)
    with pytest.raises(FileRefused, match=reason):
        read_deployment(tmp_path / "d.json", {}, "amd64")


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="cannot be read: No such file"):
        read_deployment(tmp_path / "d.json", {}, "amd64")
    (tmp_path / "d.json").write_bytes(b"{\xff}")
    with pytest.raises(FileRefused, match="is not UTF-8 at byte 1"):
        read_deployment(tmp_path / "d.json", {}, "amd64")


def test_variables_come_from_options_before_the_environment_before_the_file_beside_the_template(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("# registry\n\nA=file\nexport B = 'b c'\nC=\"c\"\nD=d=d\nE='\n")
    found = variables_of(["A=option", "X=x=y"], {"A": "environment", "C": "environment"}, tmp_path)
    assert found == {"A": "option", "B": "b c", "C": "environment", "D": "d=d", "E": "'", "X": "x=y"}


def test_a_variable_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="--var: 'A' must be NAME=value"):
        variables_of(["A", "B=b"], {}, tmp_path)
    (tmp_path / ".env").write_text("A=a\nB\n")
    with pytest.raises(BadSettings, match=r"\.env:2: must be NAME=value"):
        variables_of([], {}, tmp_path)


def test_the_environment_is_the_modules_own_and_what_iot_edge_sets(tmp_path: Path) -> None:
    deployment = deployed(tmp_path)
    runtime = {"IOTEDGE_DEVICEID": "car", "IOTEDGE_WORKLOADURI": "unix:///var/lib/edge-agent/w.sock", "HOME": "/root"}
    found = deployment.environment("telematics", runtime, root="/desk")
    assert found["DATA_FOLDER"] == "/desk/srv/edge-agent/data"
    assert json.loads(found["BUSES"])[0]["dbc"] == ["/desk/srv/edge-agent/vehicle/vehicle.dbc"]
    assert (found["IOTEDGE_DEVICEID"], found["IOTEDGE_WORKLOADURI"]) == ("car", runtime["IOTEDGE_WORKLOADURI"])
    assert "HOME" not in found
    assert deployment.environment("telematics", {})["DATA_FOLDER"] == "/var/lib/edge-agent"


def test_the_environment_of_a_module_that_is_not_deployed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="there is no module 'cabin', but telematics"):
        deployed(tmp_path).environment("cabin", {})


def test_the_dockerfiles_of_the_module_are_named_from_its_folder() -> None:
    module = json.loads((ROOT / "modules" / "telematics" / "module.json").read_text())
    folder = ROOT / "modules" / "telematics"
    assert (folder / module["image"]["contextPath"]).resolve() == ROOT
    assert {(folder / name).resolve().parent for name in module["image"]["tag"]["platforms"].values()} == {ROOT}
