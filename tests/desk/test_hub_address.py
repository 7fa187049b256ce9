import socket

import pytest

from edge_agent.desk.hub_address import judge_address
from edge_agent.errors import LocalHubNotStarted

ADDRESS = "127.0.0.231"


def test_a_port_that_is_in_use_names_the_next_address() -> None:
    judge_address(ADDRESS)
    with socket.create_server((ADDRESS, 8883)), pytest.raises(LocalHubNotStarted) as refused:
        judge_address(ADDRESS)
    in_use = "is in use (another demo or hub?); give --address 127.0.0.232"
    assert refused.value.sentence() == f"the local hub cannot start: {ADDRESS}:8883 {in_use}"
    judge_address(ADDRESS)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("203.0.113.1", "203.0.113.1:8883 is no address of this machine"),
        ("foo", "'foo' is no IP address"),
        ("", "'' is no IP address"),
    ],
)
def test_an_address_that_cannot_be_had_names_the_usual_one(address: str, reason: str) -> None:
    with pytest.raises(LocalHubNotStarted) as refused:
        judge_address(address)
    assert refused.value.sentence() == f"the local hub cannot start: {reason}; give --address 127.0.0.1"
