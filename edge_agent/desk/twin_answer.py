"""What a connected module makes of desired properties that it was just given, as its reported properties say it."""

import json
import time
from collections.abc import Callable, Mapping

from edge_agent.desk.progress import SLOW_S, stderr
from edge_agent.errors import DocumentRefused, Fault
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.identities import ModuleId

ANSWER_WITHIN_S = 5.0
LOOK_S = 0.05


def judged_by_module(
    hub: AdminClient,
    module: ModuleId,
    twin: str,
    *,
    now_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """The twin with the module's word on the desired properties of `twin`, for which 5 s are waited at most.

    A module that is not connected, or has reported no `config` as Edge Agent does, is not waited for. Raises
    DocumentRefused with the mistakes that it reports.
    """
    version = json.loads(twin)["desired"]["$version"]
    if _version_seen(twin) is None or module not in hub.status().connected:
        return twin
    began_s, told = now_s(), False
    while (_version_seen(twin) or 0) < version:
        waited_s = now_s() - began_s
        if waited_s >= ANSWER_WITHIN_S:
            _tell(f"{module.text} has said nothing of version {version} within {ANSWER_WITHIN_S:g} s")
            return twin
        if waited_s > SLOW_S and not told:
            _tell(f"waiting for what {module.text} says of version {version}")
            told = True
        sleep(LOOK_S)
        twin = hub.twin(*module)
    _judge(module, _config(twin))
    return twin


def _config(twin: str) -> object:
    return json.loads(twin)["reported"].get("config")


def _version_seen(twin: str) -> int | None:
    match _config(twin):
        case {"version": int(version)}:
            return version
    return None


def _judge(module: ModuleId, config: object) -> None:
    match config:
        case {"status": "refused", "version": version, "errors": list(errors), **others}:
            running = others.get("running_version")
            runs = f"version {running} goes on" if running else "nothing runs"
            _tell(f"{module.text} refuses version {version}, {runs}")
            raise DocumentRefused([_fault(error) for error in errors if isinstance(error, Mapping)])


def _fault(error: Mapping[str, object]) -> Fault:
    return Fault(str(error.get("loc", "")), str(error.get("msg", "")))


def _tell(sentence: str) -> None:
    stderr.print(sentence, markup=False, soft_wrap=True)
