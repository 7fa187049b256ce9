"""The shape of the source, held by its syntax trees: who may import whom, what pure means, how large things are."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "edge_agent"
MODULES = tuple(sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py")))
PACKAGES = tuple(sorted(path.parent.name for path in SOURCE.glob("*/__init__.py")))

JOURNEY = ("acquire", "decode", "policy", "spool", "tap", "uplink")
BESIDE = ("head_unit", "observe", "power", "twin", "wiring")
DESK = ("desk", "localhub")

MUST_BE_PURE = (
    "acquire/block.py",
    "acquire/can_frame.py",
    "acquire/capture_time.py",
    "acquire/device_time.py",
    "acquire/timestamps.py",
    "backoff.py",
    "head_unit/consent.py",
    "decode/bounds.py",
    "decode/bus_load.py",
    "decode/bus_reports.py",
    "decode/bus_state.py",
    "decode/catalog.py",
    "decode/cycles.py",
    "decode/decoder.py",
    "decode/decoding.py",
    "decode/expected.py",
    "decode/fast_packet.py",
    "decode/first_few.py",
    "decode/health.py",
    "decode/id_filter.py",
    "decode/j1939.py",
    "decode/kept_database.py",
    "decode/minutes.py",
    "decode/packets.py",
    "decode/plan.py",
    "decode/ranges.py",
    "decode/reassembly.py",
    "decode/relabel.py",
    "decode/transport.py",
    "errors.py",
    "events.py",
    "observe/health.py",
    "mistakes.py",
    "policy/aggregates.py",
    "policy/bank.py",
    "policy/batch.py",
    "policy/collector.py",
    "policy/json_size.py",
    "policy/kept.py",
    "policy/on_change.py",
    "policy/periodic.py",
    "policy/rules.py",
    "policy/swinging_door.py",
    "ports.py",
    "power/quiet.py",
    "records.py",
    "twin/reported.py",
    "spool/columns.py",
    "spool/header.py",
    "spool/ledger.py",
    "spool/naming.py",
    "spool/overflow.py",
    "spool/reading.py",
    "spool/recovery.py",
    "spool/rows.py",
    "spool/skimming.py",
    "spool/state.py",
    "spool/stream.py",
    "spool/streams.py",
    "spool/thinning.py",
    "observe/status.py",
    "tap/about.py",
    "tap/address.py",
    "tap/latest.py",
    "tap/tick.py",
    "twin/desired.py",
    "uplink/budget.py",
    "uplink/lanes.py",
    "uplink/link.py",
    "uplink/metering.py",
    "uplink/pace.py",
    "uplink/quarantine.py",
    "uplink/window.py",
)
"""Time is an argument, the next deadline is a return value: no loop, clock, thread, disk or network.

A module whose docstring says so is held to it besides, see `PURE`."""

IMPURE_IMPORTS = {
    "aiomqtt",
    "asyncio",
    "azure",
    "can",
    "cantools",
    "concurrent",
    "datetime",
    "multiprocessing",
    "os",
    "paho",
    "pathlib",
    "queue",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "structlog",
    "subprocess",
    "tempfile",
    "threading",
    "time",
}

FOREIGN: Mapping[str, tuple[str, ...]] = {
    "aiomqtt": ("tap/mqtt.py", "uplink/mqtt.py"),
    "azure": ("uplink/iotedge.py",),
    "can": ("acquire/pythoncan.py", "acquire/logreader.py", "acquire/logwatch.py", "desk/replay.py"),
    "cantools": ("decode/dbc.py", "desk/vehicle.py"),
    "cryptography": ("desk/demo_meeting.py", "localhub/authority.py", "localhub/workload.py", "spool/at_rest.py"),
    "matplotlib": ("desk/dry_run_plot.py",),
    "paho": ("uplink/mqtt.py", "uplink/paho_shim.py"),
    "prometheus_client": ("observe/metrics.py",),
    "pydantic": (
        "decode/vss.py",
        "desk/manifest_docker.py",
        "desk/manifest_shape.py",
        "twin/document.py",
        "localhub/faults.py",
        "mistakes.py",
        "settings.py",
    ),
    "pydantic_core": ("mistakes.py",),
    "rich": ("cli.py", "desk/"),
    "structlog": ("cli.py", "desk/", "localhub/", "observe/logs.py"),
    "typer": ("cli.py", "desk/"),
}
"""A foreign library stands behind the files named here; numpy is the language of blocks and may be anywhere."""

TASK_MAKERS = ("app.py", "desk/", "localhub/", "uplink/")
CLOCK_READERS = ("clock.py", "desk/", "localhub/")

MODULE_LINES = 400
RUN_LINES = 150
WIRING_LINES = 200
MEDIAN_MODULE_LINES = 150
FUNCTION_LINES = 60
MEDIAN_FUNCTION_LINES = 8
VAGUE_NAMES = {"base", "common", "handler", "helper", "helpers", "manager", "misc", "util", "utils", "wrapper"}

NO_TEST_OF_ITS_OWN: Mapping[str, str] = {
    "__main__.py": "one call; the command line's tests go through it",
    "acquire/address.py": "plain data",
    "app.py": "the run: tests/journey runs it whole",
    "policy/rules.py": "plain data",
    "ports.py": "protocols: tests/contract holds each of their makers to them",
    "records.py": "plain data",
    "observe/status.py": "plain data",
    "tap/link.py": "protocols: tests/contract holds their maker to them",
}


Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((SOURCE / module).read_text(), module)


def imports(module: str) -> Iterator[str]:
    """Dotted names of all that a module imports, wherever in it."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def foreign(module: str) -> set[str]:
    return {name.split(".")[0] for name in imports(module)}


@cache
def all_imports() -> list[tuple[str, str]]:
    """(module, dotted name) of every import there is."""
    return [(module, name) for module in MODULES for name in imports(module)]


@cache
def all_calls(*names: str) -> list[tuple[str, ast.Call]]:
    """(module, call) of everything called by one of these names, whatever stands before a dot."""
    return [
        (module, node)
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in names
    ]


def keywords(call: ast.Call) -> set[str | None]:
    return {keyword.arg for keyword in call.keywords}


def ours(*names: str) -> tuple[str, ...]:
    return tuple(f"edge_agent.{name}" for name in names)


def within(module: str, places: tuple[str, ...]) -> bool:
    return any(module.startswith(place) if place.endswith("/") else module == place for place in places)


PURE = sorted(
    {module for module in MODULES if re.search(r"\bPure\b", ast.get_docstring(tree(module)) or "")} | {*MUST_BE_PURE}
)


# --- the journey ---------------------------------------------------------------------------------


def test_every_folder_is_known() -> None:
    assert set(PACKAGES) == {*JOURNEY, *BESIDE, *DESK}


@pytest.mark.parametrize("package", JOURNEY)
def test_a_stage_says_what_enters_what_leaves_and_what_it_may_lose(package: str) -> None:
    text = ast.get_docstring(tree(f"{package}/__init__.py")) or ""

    assert re.search(r"^Enters: .+\.\nLeaves: .+\.\nMay lose: .+\.$", text, re.MULTILINE)


def test_a_module_says_what_it_is() -> None:
    assert not [module for module in MODULES if len(ast.get_docstring(tree(module)) or "") <= 20]


def test_a_stage_imports_nothing_of_the_desk_and_no_wiring() -> None:
    stages, banned = tuple(f"{name}/" for name in JOURNEY), ours(*DESK, "app", "cli", "head_unit", "settings", "wiring")

    assert not [(module, name) for module, name in all_imports() if within(module, stages) and name.startswith(banned)]


def test_only_the_command_line_knows_the_desk() -> None:
    knowing = ("__main__.py", "cli.py", *(f"{name}/" for name in DESK))

    assert not [one for one in all_imports() if one[1].startswith(ours(*DESK)) and not within(one[0], knowing)]


def test_only_who_runs_it_knows_the_wiring_of_it_all() -> None:
    whole = ours("wiring.parts")

    assert {module for module, name in all_imports() if name.startswith(whole)} == {"app.py"}


def test_a_stage_imports_no_stage_after_it() -> None:
    order = ("acquire", "decode", "policy", "spool", "uplink")
    for i, stage in enumerate(order):
        later = ours(*order[i + 1 :]) if order[i + 1 :] else ()
        assert not [one for one in all_imports() if one[0].startswith(f"{stage}/") and one[1].startswith(later)]


# --- pure ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_touches_no_loop_clock_thread_disk_or_network(module: str) -> None:
    assert not foreign(module) & IMPURE_IMPORTS
    assert not [one for one in all_calls("open", "print", "input") if one[0] == module]
    assert not [node for node in ast.walk(tree(module)) if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith)]


def test_a_pure_module_imports_no_module_of_ours_that_is_not() -> None:
    files = {f"edge_agent.{module.removesuffix('.py').replace('/', '.')}": module for module in MODULES}
    used = [(module, files[name]) for module, name in all_imports() if module in PURE and name in files]

    assert not [one for one in used if one[1] not in PURE and not one[1].endswith("__init__.py")]


# --- foreign libraries ---------------------------------------------------------------------------


@pytest.mark.parametrize("library", FOREIGN)
def test_a_foreign_library_stands_behind_its_files(library: str) -> None:
    users = [module for module in MODULES if library in foreign(module)]

    assert users
    assert not [module for module in users if not within(module, FOREIGN[library])]


def test_imports_are_absolute() -> None:
    assert not [one for one in all_imports() if one[1].startswith(".")]


# --- tasks and clocks ----------------------------------------------------------------------------


def test_tasks_are_made_in_few_places_and_each_has_a_name() -> None:
    made = all_calls("create_task")

    assert made
    assert not [module for module, _ in made if not within(module, TASK_MAKERS)]
    assert not [one for one in made if not {"name"} & keywords(one[1])]


def test_threads_have_names() -> None:
    made = all_calls("Thread", "ThreadPoolExecutor", "_Pool")

    assert made
    assert not [one for one in made if not {"name", "thread_name_prefix"} & keywords(one[1])]


def test_the_systems_clocks_are_read_in_one_place() -> None:
    readers = [module for module in MODULES if {"time", "datetime"} & foreign(module)]

    assert not [module for module in readers if not within(module, CLOCK_READERS)]


def test_every_queue_has_a_size() -> None:
    assert not [
        one for one in all_calls("Queue", "LifoQueue", "PriorityQueue") if not one[1].args and not keywords(one[1])
    ]


def test_nothing_below_the_command_line_ends_the_process() -> None:
    ends = all_calls("exit", "_exit", "quit", "SystemExit")

    assert not [one for one in ends if not within(one[0], ("__main__.py", "cli.py", "desk/"))]


# --- sizes and names -----------------------------------------------------------------------------


def lines(module: str) -> int:
    return sum(1 for line in (SOURCE / module).read_text().splitlines() if line.strip())


def functions(module: str) -> list[Function]:
    return [node for node in ast.walk(tree(module)) if isinstance(node, Function)]


def test_modules_are_small() -> None:
    assert not [module for module in MODULES if lines(module) >= MODULE_LINES]
    assert median(map(lines, MODULES)) <= MEDIAN_MODULE_LINES


def test_who_runs_and_who_wires_is_read_in_two_minutes() -> None:
    assert lines("app.py") <= RUN_LINES
    assert lines("wiring/parts.py") <= WIRING_LINES


def test_functions_are_small() -> None:
    sizes = {
        f"{module}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module in MODULES
        for node in functions(module)
    }

    assert not {name: size for name, size in sizes.items() if size > FUNCTION_LINES}
    assert median(sizes.values()) <= MEDIAN_FUNCTION_LINES


def test_a_name_says_what_a_thing_is() -> None:
    for module in MODULES:
        names = {node.name for node in ast.walk(tree(module)) if isinstance(node, ast.ClassDef | Function)}
        words = {word.lower() for name in {module, *names} for word in re.findall(r"[A-Z]?[a-z]+", name)}
        assert not words & VAGUE_NAMES, module


def test_ports_are_narrow() -> None:
    for node in tree("ports.py").body:
        if isinstance(node, ast.ClassDef):
            methods = [one for one in node.body if isinstance(one, Function)]
            assert len([one for one in methods if not one.decorator_list]) <= 4, node.name
            assert all(ast.get_docstring(one) for one in methods), node.name


# --- tests ---------------------------------------------------------------------------------------


def test_every_module_has_its_test_where_one_looks_for_it() -> None:
    missing = [
        module
        for module in MODULES
        if not module.endswith("__init__.py") and module not in NO_TEST_OF_ITS_OWN and not _test_of(module).exists()
    ]

    assert not missing, "no tests of their own: " + ", ".join(missing)


def test_nothing_is_excused_that_is_gone_or_has_a_test() -> None:
    assert not [module for module in NO_TEST_OF_ITS_OWN if module not in MODULES or _test_of(module).exists()]


def _test_of(module: str) -> Path:
    folder, _, name = module.rpartition("/")
    return ROOT / "tests" / folder / f"test_{name}"


def test_a_tests_name_is_a_sentence() -> None:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, Function) and node.name.startswith("test_"):
                assert node.name.count("_") >= 2, f"{path.name}: {node.name}"


def test_no_test_believes_in_magic() -> None:
    believers = [path for path in sorted((ROOT / "tests").rglob("*.py")) if "Magic" + "Mock" in path.read_text()]

    assert not believers
