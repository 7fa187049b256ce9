import json

import pytest

from edge_agent.desk.manifest_docker import CreateOptions
from edge_agent.desk.manifest_environment import Mounted, module_environment, mounted, outside
from edge_agent.desk.manifest_shape import Module

FOLDERS = [Mounted("/srv/data", "/data"), Mounted("dbc", "/data/dbc/", read_only=True)]


def module(env: dict[str, str], *engine: str) -> Module:
    body = {
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "env": {name: {"value": value} for name, value in env.items()},
        "settings": {"image": "a", "createOptions": {"Env": engine}},
    }
    return Module.model_validate_json(json.dumps(body))


def test_what_iot_edge_sets_goes_before_the_modules_own_which_go_before_the_engines() -> None:
    found = module_environment(module({"B": "own", "C": "own"}, "A=engine=1", "B=engine", "E"), {"C": "edge", "D": ""})
    assert found == {"A": "engine=1", "B": "own", "C": "edge", "D": "", "E": ""}


def test_the_level_of_logs_is_the_modules_own_where_it_has_one() -> None:
    runtime = {"RuntimeLogLevel": "info"}
    assert module_environment(module({}), runtime) == runtime
    assert module_environment(module({"RuntimeLogLevel": "debug"}), runtime) == {"RuntimeLogLevel": "debug"}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("/data", "/host/srv/data"),
        ("/data/x/y", "/host/srv/data/x/y"),
        ("/data/dbc/a.dbc", "/host/dbc/a.dbc"),
        ("/database", "/database"),
        ("data/x", "data/x"),
        ("in /data", "in /data"),
        ("9600", "9600"),
        ("", ""),
        ('[{"dbc": ["/data/dbc/a.dbc", "/b"], "fd": true}]', '[{"dbc": ["/host/dbc/a.dbc", "/b"], "fd": true}]'),
        ('{"a": 1.50}', '{"a": 1.5}'),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_paths_in_mounted_folders_are_the_hosts(value: str, found: str) -> None:
    assert outside({"X": value}, FOLDERS, "/host/") == {"X": found}


def test_the_hosts_own_root_gives_the_hosts_own_paths() -> None:
    assert outside({"X": "/data/x"}, FOLDERS, "/") == {"X": "/srv/data/x"}


def test_binds_and_mounts_are_mounted() -> None:
    options = CreateOptions.model_validate_json(
        json.dumps(
            {
                "HostConfig": {
                    "Binds": ["/a:/b", "cc:/d:ro", "/e:/f:z,ro"],
                    "Mounts": [{"Target": "/g", "Source": "/h", "ReadOnly": True}, {"Target": "/i"}, {}, 1],
                }
            }
        )
    )
    assert list(mounted(options)) == [
        Mounted("/a", "/b"),
        Mounted("cc", "/d", read_only=True),
        Mounted("/e", "/f", read_only=True),
        Mounted("/h", "/g", read_only=True),
        Mounted("", "/i"),
    ]
