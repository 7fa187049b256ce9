import pytest

from edge_agent.tap.address import Address, address_of, judged_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("mosquitto:1883", Address("mosquitto", 1883)),
        ("mqtt://127.0.0.1", Address("127.0.0.1", 1883)),
        ("mqtt://head_unit.local:2883/", Address("head_unit.local", 2883)),
        ("mqtts://head-unit", Address("head-unit", 8883, tls=True)),
        ("mqtts://[fe80::1]:1", Address("fe80::1", 1, tls=True)),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert address_of(text) == address
    assert address_of(str(address)) == address
    assert judged_address(text) == text


@pytest.mark.parametrize(
    "text", ["mosquitto", "ws://a:1", "mqtt://", "a:b", "mqtt://me:secret@a:1", "a:1/path", " a:1", "fe80::1", ":1883"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be host:port, mqtt://host or mqtts://host"):
        address_of(text)


@pytest.mark.parametrize("port", [0, 65_536, 99_999])
def test_a_port_that_is_none_is_named(port: int) -> None:
    with pytest.raises(ValueError, match=f"port {port} is none from 1 to 65535"):
        judged_address(f"a:{port}")


def test_no_address_is_no_mistake() -> None:
    assert not judged_address("")
