"""The environment of one module of a manifest, as IoT Edge sets it. Pure.

As edgeAgent does it (Azure/iotedge, CreateOrUpdateCommand.GetEnvVars): the module's own variables, then IoT Edge's,
which go before them. The container engine has put those of createOptions below both.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_agent.desk.manifest_docker import CreateOptions
from edge_agent.desk.manifest_shape import Module
from edge_agent.twin.fitting import JsonValue

LOG_LEVEL = "RuntimeLogLevel"
"""the one variable that IoT Edge sets only where the module does not"""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A folder of the host that is in the container too."""

    source: str
    """on the host, or a volume's name"""
    target: str
    read_only: bool = False

    def holds(self, path: str) -> bool:
        """Whether this path of the container is in it."""
        return f"{path}/".startswith(f"{self.target.rstrip('/')}/")

    def on_host(self, path: str, root: str) -> str:
        """Where a path that it holds is, from `root`; a volume is a folder of its name there."""
        inside = path[len(self.target.rstrip("/")) :]
        return f"{root.rstrip('/')}/{self.source.strip('/')}{inside}"


def mounted(options: CreateOptions) -> Iterator[Mounted]:
    """What `Binds` and `Mounts` say."""
    for bind in options.host_config.binds:
        source, target, *modes = bind.split(":")
        yield Mounted(source, target, read_only="ro" in ",".join(modes).split(","))
    mounts = options.host_config.mounts
    for mount in mounts if isinstance(mounts, list) else ():
        match mount:
            case {"Target": str(target), **rest}:
                yield Mounted(str(rest.get("Source", "")), target, read_only=bool(rest.get("ReadOnly")))


def module_environment(module: Module, runtime: Mapping[str, str]) -> dict[str, str]:
    """All variables; `runtime` are those that IoT Edge sets itself."""
    options = module.settings.create_options
    engine = dict(variable.partition("=")[::2] for variable in options.env)
    own = {name: variable.value for name, variable in module.env.items()}
    kept = {name: value for name, value in runtime.items() if name != LOG_LEVEL or name not in own}
    return engine | own | kept


def outside(environment: Mapping[str, str], folders: Sequence[Mounted], root: str) -> dict[str, str]:
    """The same for a process without a container: paths in mounted folders are the host's, the host's root is `root`.

    A path is one where it is all of a value, or a text in a value that is JSON.
    """
    return {name: _outside(value, folders, root) for name, value in environment.items()}


def _outside(value: str, folders: Sequence[Mounted], root: str) -> str:
    try:
        found: JsonValue = json.loads(value)
    except (ValueError, RecursionError):
        return _path_outside(value, folders, root)
    return json.dumps(_texts_outside(found, folders, root)) if isinstance(found, list | dict) else value


def _texts_outside(value: JsonValue, folders: Sequence[Mounted], root: str) -> JsonValue:
    match value:
        case str():
            return _path_outside(value, folders, root)
        case Mapping():
            return {name: _texts_outside(one, folders, root) for name, one in value.items()}
        case Sequence():
            return [_texts_outside(one, folders, root) for one in value]
    return value


def _path_outside(path: str, folders: Sequence[Mounted], root: str) -> str:
    holding = [folder for folder in folders if path.startswith("/") and folder.holds(path)]
    # A folder may be mounted within another: the innermost counts.
    return max(holding, key=lambda folder: len(folder.target)).on_host(path, root) if holding else path
