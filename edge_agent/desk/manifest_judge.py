"""What is wrong with a deployment though each of its parts has its shape: limits, versions, routes, modules.

What concerns Edge Agent's own module is in `manifest_module.py`.
"""

import json
from collections.abc import Iterator

from edge_agent.desk.manifest_shape import Manifest, Route
from edge_agent.errors import BadSettings, DocumentRefused, Fault
from edge_agent.localhub import routes
from edge_agent.localhub.twins import parse_patch
from edge_agent.mistakes import Place, path
from edge_agent.twin.fitting import JsonObject

AGENT: Place = ("modulesContent", "$edgeAgent", "properties.desired")
HUB: Place = ("modulesContent", "$edgeHub", "properties.desired")

Found = tuple[Place, str]


def limit_faults(manifest: JsonObject) -> Iterator[Fault]:
    """Where the desired properties of a module are not what a twin takes: 32 KB, depth 10, texts of 4 KB.

    `manifest` is one as it is deployed: createOptions count as the texts that they are there.
    """
    contents = manifest["modulesContent"]
    for module, twin in contents.items() if isinstance(contents, dict) else ():
        place = path(("modulesContent", module, "properties.desired"))
        try:
            parse_patch(json.dumps(twin["properties.desired"]))
        except DocumentRefused as refusal:
            for fault in refusal.faults:
                within = fault.loc if fault.loc.startswith("[") or not fault.loc else f".{fault.loc}"
                yield Fault(f"{place}{within}", fault.message)


def deployment_faults(manifest: Manifest) -> Iterator[Found]:
    """Everything else that can be judged without knowing what is in the images."""
    yield from _versions(manifest)
    yield from _unknown_twins(manifest)
    for name, spec in manifest.hub.routes.items():
        yield from _route(manifest, (*HUB, "routes", name, "route"), spec)


def _versions(manifest: Manifest) -> Iterator[Found]:
    """What older schemas pass over without a word."""
    if manifest.agent.schema_version == "1.0":
        for module, spec in manifest.agent.modules.items():
            if spec.startup_order is not None:
                yield (*AGENT, "modules", module, "startupOrder"), "is of schemaVersion 1.1, this agent's is 1.0"
    if manifest.hub.schema_version == "1.0":
        for name, route in manifest.hub.routes.items():
            if route.priority is not None or route.time_to_live_secs is not None:
                yield (*HUB, "routes", name), "has what is of schemaVersion 1.1, this hub's is 1.0"


def _unknown_twins(manifest: Manifest) -> Iterator[Found]:
    for module in manifest.modules_content.twins:
        if module not in manifest.agent.modules:
            yield ("modulesContent", module), "is a twin of no module: $edgeAgent starts none of this name"


def _route(manifest: Manifest, place: Place, spec: Route) -> Iterator[Found]:
    try:
        (route,) = routes.parse_routes([spec.route])
    except BadSettings as refusal:
        yield place, refusal.faults[0].message
        return
    named = [route.module, route.sink.module if route.sink else None]
    for module in named:
        if module is not None and module not in manifest.agent.modules:
            yield place, f"names module {module!r}, which is not deployed"
