"""`edge-agent manifest`: a template and its variables to a deployment, every mistake named by its place."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.decode.catalog import Catalog
from edge_agent.decode.load import load_catalog
from edge_agent.desk.manifest_environment import module_environment, mounted, outside
from edge_agent.desk.manifest_judge import deployment_faults, limit_faults
from edge_agent.desk.manifest_module import module_faults, twin_faults
from edge_agent.desk.manifest_shape import Manifest, ModuleFile, shaped
from edge_agent.desk.manifest_template import expanded, joined, split
from edge_agent.errors import BadSettings, DocumentRefused, Fault, FileRefused, JsonRefused
from edge_agent.mistakes import path, placed
from edge_agent.observe import logs
from edge_agent.twin.fitting import JsonObject
from edge_agent.uplink.edge_environment import WORKLOAD
from edge_agent.written_json import read_json

_GIVEN = "given"
"""what the bus of the databases is called, of which nothing says the name"""
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_MODULE = re.compile(r"\$\{MODULES\.([A-Za-z0-9_-]+)")
_LINE = re.compile(rf"\s*(?:export\s+)?({_NAME})\s*=\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A manifest whose shape is right."""

    document: JsonObject
    """createOptions are objects, no variable is left"""
    manifest: Manifest
    """the same"""

    def text(self) -> str:
        """As `az iot edge set-modules --content` takes it."""
        return json.dumps(split(self.document), indent=2) + "\n"

    def environment(self, module: str, environ: Mapping[str, str], root: str | None = None) -> dict[str, str]:
        """Of one module, as IoT Edge sets it; IoT Edge's own variables are those of `environ`.

        With `root` as a process without a container has it: paths in mounted folders are below `root`.
        Raises BadSettings where there is no such module.
        """
        if (spec := self.manifest.agent.modules.get(module)) is None:
            known = ", ".join(self.manifest.agent.modules) or "none"
            raise BadSettings([Fault("--environment", f"there is no module {module!r}, but {known}")])
        runtime = {name: environ[name] for name in WORKLOAD if name in environ}
        variables = module_environment(spec, runtime)
        if root is None:
            return variables
        return outside(variables, list(mounted(spec.settings.create_options)), root)


def read_deployment(file: Path, variables: Mapping[str, str], platform: str) -> Deployment:
    """A template or a manifest, with the images of the modules in the folder `modules` beside it.

    Raises FileRefused for what cannot be read, DocumentRefused with every fault of what can.
    """
    template = _json(file)
    images = _images(file.parent / "modules", sorted(set(_MODULE.findall(json.dumps(template)))), variables, platform)
    document = joined(expanded(template, {**variables, **images}))
    return Deployment(document, shaped(document, Manifest))


def deployment_mistakes(
    deployment: Deployment, module: str, databases: Sequence[Path] = (), mapping: Path | None = None
) -> tuple[Fault, ...]:
    """Everything that is wrong with it, `module` being Edge Agent; each at a place that it has.

    Without databases the names of signals are not judged; `mapping` gives those of the databases VSS names. Raises
    DatabaseRefused, MappingRefused.
    """
    return tuple(dict.fromkeys(_mistakes(deployment, module, _catalog(databases, mapping))))


def variables_of(given: Sequence[str], environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What templates in a folder are filled in with: its `.env`, before that `environ`, before that `NAME=value`s.

    Raises BadSettings for what is not of that form.
    """
    pairs = {text: re.fullmatch(rf"({_NAME})=(.*)", text, re.DOTALL) for text in given}
    if wrong := [text for text, pair in pairs.items() if not pair]:
        raise BadSettings([Fault("--var", f"{text!r} must be NAME=value") for text in wrong])
    said = {pair[1]: pair[2] for pair in pairs.values() if pair}
    return _dotenv(folder / ".env") | dict(environ) | said


def _mistakes(deployment: Deployment, module: str, catalog: Catalog) -> Iterator[Fault]:
    yield from limit_faults(split(deployment.document))
    for found in (*deployment_faults(deployment.manifest), *module_faults(deployment.manifest, module)):
        place, message = placed(*found, deployment.document)
        yield Fault(path(place), message)
    yield from twin_faults(deployment.manifest, module, catalog)


def _catalog(databases: Sequence[Path], mapping: Path | None) -> Catalog:
    if not databases:
        return Catalog([], complete=False)
    mappings = {_GIVEN: mapping} if mapping else {}
    catalog, refusals = load_catalog([(_GIVEN, databases)], logs.configure("error", sys.stderr), mappings=mappings)
    if refusals:
        raise refusals[0]
    return catalog


def _images(folder: Path, modules: Sequence[str], variables: Mapping[str, str], platform: str) -> dict[str, str]:
    """`MODULES.name` of the platform, and `MODULES.name.platform` of each there is."""
    found: dict[str, str] = {}
    for name in modules:
        if not (file := folder / name / "module.json").is_file():
            continue
        image = _module_file(file, variables).image
        tags = {each: f"{image.repository}:{image.tag.version}-{each}" for each in image.tag.platforms}
        found |= {f"MODULES.{name}.{each}": tag for each, tag in tags.items()}
        if platform in tags:
            found[f"MODULES.{name}"] = tags[platform]
    return found


def _module_file(file: Path, variables: Mapping[str, str]) -> ModuleFile:
    try:
        return shaped(expanded(_json(file), variables), ModuleFile)
    except DocumentRefused as refusal:
        faults = [Fault(f"{file} {fault.loc}".rstrip(), fault.message) for fault in refusal.faults]
        raise DocumentRefused(faults) from refusal


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileRefused(str(file), f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FileRefused(str(file), f"is not UTF-8 at byte {error.start}") from error


def _json(file: Path) -> JsonObject:
    """An object in which each name stands once: of two, a deployment would silently have the last."""
    try:
        found = read_json(_text(file))
    except JsonRefused as error:
        raise FileRefused(str(file), str(error)) from error
    if not isinstance(found, dict):
        raise FileRefused(str(file), "is no JSON object")
    return found


def _dotenv(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    values: dict[str, str] = {}
    for number, line in enumerate(_text(file).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not (found := _LINE.fullmatch(line)):
            raise BadSettings([Fault(f"{file}:{number}", "must be NAME=value")])
        values[found[1]] = _unquoted(found[2])
    return values


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
