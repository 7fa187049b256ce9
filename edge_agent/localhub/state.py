"""What outlives the hub's process: twins, and the subscriptions of clients that asked to be remembered."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge_agent.errors import BadSettings, Fault
from edge_agent.localhub.files import replace_file
from edge_agent.localhub.identities import ModuleId
from edge_agent.localhub.twins import Section, Twin


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept of one module."""

    twin: Twin = field(default_factory=Twin)
    filters: frozenset[str] | None = None
    """topic filters of its MQTT session; None where it has none"""
    model_id: str = ""
    """of the IoT Plug and Play model that it announced when it last connected"""


class State:
    """`Remembered` by module, on disk before a change is answered. Raises BadSettings for a file it cannot read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._modules = _read(path) if path.exists() else {}

    def twin(self, module: ModuleId) -> Twin:
        """The module's twin; an empty one until something was put in."""
        return self._of(module).twin

    def filters(self, module: ModuleId) -> frozenset[str] | None:
        """The topic filters of the module's session, None where there is no session."""
        return self._of(module).filters

    def model_id(self, module: ModuleId) -> str:
        """The model the module announced; "" where it announced none."""
        return self._of(module).model_id

    def keep_twin(self, module: ModuleId, twin: Twin) -> None:
        """Replace the twin."""
        self._keep(module, replace(self._of(module), twin=twin))

    def keep_filters(self, module: ModuleId, filters: frozenset[str] | None) -> None:
        """Replace the session's filters; None forgets the session."""
        self._keep(module, replace(self._of(module), filters=filters))

    def keep_model_id(self, module: ModuleId, model_id: str) -> None:
        """Replace what the module announced."""
        self._keep(module, replace(self._of(module), model_id=model_id))

    def _of(self, module: ModuleId) -> Remembered:
        return self._modules.get(module, Remembered())

    def _keep(self, module: ModuleId, remembered: Remembered) -> None:
        if remembered != self._of(module):
            changed = self._modules | {module: remembered}
            replace_file(self._path, _text(changed).encode())
            self._modules = changed


def _read(path: Path) -> dict[ModuleId, Remembered]:
    try:
        rows = json.loads(path.read_bytes())["modules"]
        return {
            ModuleId(row["device"], row["module"]): Remembered(
                Twin(
                    desired=Section(row["desired"], int(row["desired_version"])),
                    reported=Section(row["reported"], int(row["reported_version"])),
                ),
                None if row["filters"] is None else frozenset(row["filters"]),
                str(row.get("model_id", "")),
            )
            for row in rows
        }
    except (ValueError, KeyError, TypeError) as error:
        raise BadSettings([Fault(str(path), f"not the state of a hub: {error!r}")]) from error


def _text(modules: dict[ModuleId, Remembered]) -> str:
    rows = [
        {
            "device": module.device,
            "module": module.module,
            "desired": kept.twin.desired.properties,
            "desired_version": kept.twin.desired.version,
            "reported": kept.twin.reported.properties,
            "reported_version": kept.twin.reported.version,
            "model_id": kept.model_id,
            "filters": None if kept.filters is None else sorted(kept.filters),
        }
        for module, kept in modules.items()
    ]
    return json.dumps({"modules": rows}, indent=1) + "\n"
