import json
from typing import Any

import pytest
from pydantic import ValidationError

from edge_agent.desk.manifest_docker import CreateOptions
from edge_agent.mistakes import mistakes, path

HOST: dict[str, Any] = {"HostConfig": {"NetworkMode": "host"}}
ENDPOINT: dict[str, Any] = {"NetworkingConfig": {"EndpointsConfig": {"host": {}}}}


def taken(document: object) -> CreateOptions:
    return CreateOptions.model_validate_json(json.dumps(document))


def wrong(document: object) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        taken(document)
    return [path(place) for place, _ in mistakes(refused.value)]


@pytest.mark.parametrize(
    ("document", "where"), [({}, "no"), (HOST, "half"), (ENDPOINT, "half"), ({**HOST, **ENDPOINT}, "yes")]
)
def test_a_container_is_in_the_hosts_network_only_where_both_places_say_so(
    document: dict[str, Any], where: str
) -> None:
    assert taken(document).on_the_host == where


@pytest.mark.parametrize("bind", ["/a:/b", "/a:/b:ro", "data:/b", "data-1.x:/b/c:rw,z", "/a b:/b"])
def test_a_bind_is_a_folder_or_a_volume_and_where_it_is(bind: str) -> None:
    assert taken({"HostConfig": {"Binds": [bind]}}).host_config.binds == (bind,)


@pytest.mark.parametrize("bind", ["", "/a", "a/b:/c", "/a:b", ":/b", "/a:/b:", "/a:/b:ro:rw", "/a:"])
def test_another_text_is_no_bind(bind: str) -> None:
    assert wrong({"HostConfig": {"Binds": [bind]}}) == ["HostConfig.Binds[0]"]


@pytest.mark.parametrize("name", ["hostConfig", "Hostconfig", "RestartPolicy", "Binds"])
def test_a_name_that_docker_would_pass_over_is_a_mistake(name: str) -> None:
    assert wrong({name: {}}) == [name]


def test_names_that_docker_has_are_taken_though_their_values_are_not_judged() -> None:
    names = ["CpusetCpus", "NanoCpus", "OomKillDisable", "UTSMode", "DnsSearch", "PidsLimit", "CgroupnsMode", "IpcMode"]
    assert taken({"HostConfig": dict.fromkeys(names)}).host_config.uts_mode is None


@pytest.mark.parametrize("number", [8883, "", "0", "a"])
def test_a_port_of_the_host_is_text_of_a_number(number: object) -> None:
    document = {"HostConfig": {"PortBindings": {"8883/tcp": [{"HostPort": number}]}}}
    assert wrong(document) == ["HostConfig.PortBindings.8883/tcp[0].HostPort"]
