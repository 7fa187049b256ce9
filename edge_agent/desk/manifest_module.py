"""What is wrong with Edge Agent's own module in a deployment: what would start, and then not do its work."""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.decode.catalog import Catalog
from edge_agent.desk.manifest_environment import Mounted, module_environment, mounted
from edge_agent.desk.manifest_judge import AGENT, HUB, Found
from edge_agent.desk.manifest_shape import Manifest, Module
from edge_agent.errors import BadSettings, Fault
from edge_agent.localhub.routes import Route, parse_routes
from edge_agent.mistakes import Place, path
from edge_agent.records import Lane
from edge_agent.settings import VARIABLES, Settings, settings_of_environment
from edge_agent.twin.compilation import faults_of_text
from edge_agent.uplink.edge_environment import DESK, WORKLOAD

STAND_IN: Final = '[{"name": "bus", "channel": "can0", "interface": "virtual"}]'
"""for buses that are in a file of the vehicle"""


@dataclass(frozen=True, slots=True)
class OwnModule:
    """Edge Agent in a deployment, by its name there."""

    manifest: Manifest
    name: str

    @property
    def spec(self) -> Module:
        """What edgeAgent starts."""
        return self.manifest.agent.modules[self.name]

    @property
    def place(self) -> Place:
        """Where it stands."""
        return (*AGENT, "modules", self.name)

    @property
    def host_config(self) -> Place:
        """Where what depends on the host stands."""
        return (*self.place, "settings", "createOptions", "HostConfig")


def module_faults(manifest: Manifest, name: str) -> Iterator[Found]:
    """Of its environment, its container and the routes from it; the twin is `twin_faults`'."""
    if name not in manifest.agent.modules:
        yield (*AGENT, "modules", name), "must be given: it is the module that is Edge Agent"
        return
    own = OwnModule(manifest, name)
    yield from _names(own)
    try:
        settings = settings_of_environment(_environment(own))
    except BadSettings as refusal:
        yield from (_in_environment(own, fault) for fault in refusal.faults)
        return
    yield from _network(own, settings)
    yield from _data(own, str(settings.data_folder))
    yield from _lanes(own, settings.output)


def twin_faults(manifest: Manifest, name: str, catalog: Catalog) -> Iterator[Fault]:
    """What the module itself would refuse its desired properties for, with these databases."""
    if twin := manifest.modules_content.twins.get(name):
        place = path(("modulesContent", name, "properties.desired"))
        for fault in faults_of_text(json.dumps(twin.desired), catalog):
            yield Fault(f"{place}.{fault.loc}".rstrip("."), fault.message)


def _environment(own: OwnModule) -> dict[str, str]:
    """As in a vehicle; only a vehicle knows what IoT Edge sets, and what is in a file of it."""
    environment = module_environment(own.spec, dict.fromkeys(WORKLOAD, "set"))
    if not environment.get("BUSES", "[").lstrip().startswith("["):
        environment["BUSES"] = STAND_IN
    return environment


def _in_environment(own: OwnModule, fault: Fault) -> Found:
    variable = re.match(r"\w*", fault.loc)
    name = variable[0] if variable else ""
    within = fault.loc.removeprefix(name)
    return (*own.place, "env", name, *(("value",) if name in own.spec.env else ())), f"{within} {fault.message}".strip()


def _names(own: OwnModule) -> Iterator[Found]:
    """Variables that would be passed over: those that IoT Edge sets, and those that are nearly a setting."""
    known = {name.lower(): name for name in VARIABLES}
    for name in own.spec.env:
        place = (*own.place, "env", name)
        if name in {*WORKLOAD, *DESK}:
            yield place, "is IoT Edge's own to set"
        elif name.lower() not in known and (near := difflib.get_close_matches(name.lower(), known, 1, 0.8)):
            yield place, f"there is no such setting; nearest: {known[near[0]]}"


def _network(own: OwnModule, settings: Settings) -> Iterator[Found]:
    """A CAN interface is there in the host's network alone, and edgeHub is reached from there by its port alone."""
    options = own.spec.settings.create_options
    on_socketcan = not settings.replay_log and any(bus.interface == "socketcan" for bus in settings.buses)
    if options.on_the_host != "yes" and (on_socketcan or options.on_the_host == "half"):
        why = "a CAN interface is seen in the host's network alone, which takes both NetworkMode and EndpointsConfig"
        if options.host_config.network_mode != "host":
            yield (*own.host_config, "NetworkMode"), f"must be 'host': {why}"
        else:
            endpoints = (*own.place, "settings", "createOptions", "NetworkingConfig", "EndpointsConfig", "host")
            yield endpoints, f"must be given: {why}"
    if options.on_the_host == "no" or settings.uplink != "edge":
        return
    hub = own.manifest.agent.system_modules.edge_hub.settings.create_options.host_config
    if not any(each.host_port == "8883" for each in hub.port_bindings.get("8883/tcp", ())):
        place = (
            *AGENT,
            "systemModules",
            "edgeHub",
            "settings",
            "createOptions",
            "HostConfig",
            "PortBindings",
            "8883/tcp",
        )
        yield place, "must be published at 8883: a module in the host's network reaches edgeHub there only"


def _data(own: OwnModule, folder: str) -> Iterator[Found]:
    """What is kept must outlive the container."""
    options = own.spec.settings.create_options
    holding = [each for each in mounted(options) if each.holds(folder)]
    if not holding and not any(Mounted("", target).holds(folder) for target in options.volumes):
        why = f"must have a folder of the host for {folder}: what waits there would die with the container"
        yield (*own.host_config, "Binds"), why
    if holding and max(holding, key=lambda each: len(each.target)).read_only:
        yield (*own.host_config, "Binds"), f"must not have {folder} read-only: the spool is written there"


def _lanes(own: OwnModule, output: str) -> Iterator[Found]:
    """What no route takes edgeHub drops, after it has acknowledged it: that would be a loss that nobody counts."""
    try:
        routes = parse_routes([spec.route for spec in own.manifest.hub.routes.values()])
    except BadSettings:  # told already
        return
    for lane in Lane:
        if not own.manifest.hub.routes or not _taken(routes, own.name, output, lane):
            why = f"none takes lane {lane.value!r} of /messages/modules/{own.name}/outputs/{output}"
            yield (*HUB, "routes"), f"{why}: edgeHub drops what no route takes"


def _taken(routes: Sequence[Route], module: str, output: str, lane: Lane) -> bool:
    """Whether a message of the lane, whatever else is said of it, can go along one of the routes."""
    return any(
        route.module in (None, module)
        and route.output in (None, output)
        and all(name != "lane" or (text == lane.value) is equal for name, equal, text in route.condition)
        for route in routes
    )
