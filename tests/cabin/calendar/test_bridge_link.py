from itertools import count
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.calendar.bridge_link import BridgeLink, bridge_url_in
from cabin.calendar.seal import CarKey
from cabin.errors import BadSettings
from cabin.settings import read_settings
from calendar_bridge.linking import PROFILE, VEHICLE, Linking


@given(
    st.from_regex(VEHICLE, fullmatch=True), st.from_regex(PROFILE, fullmatch=True), st.binary(min_size=32, max_size=32)
)
def test_what_the_bridge_takes_from_the_link_is_what_the_car_said(vehicle: str, profile: str, private: bytes) -> None:
    key = CarKey(private).public_text
    parts = urlsplit(BridgeLink("https://bridge.example/fleet", vehicle).of(profile, key))
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "bridge.example", "/fleet/link")
    asked = {name: value for name, (value,) in parse_qs(parts.query, strict_parsing=True).items()}
    numbers = count()
    _, pending = Linking(lambda: f"secret-{next(numbers)}").begin(asked["vehicle"], asked["profile"], asked["key"], 0)
    assert (pending.vehicle, pending.profile, pending.car_key) == (vehicle, profile, key)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", ""),
        ("https://bridge.example", "https://bridge.example"),
        ("https://bridge.example/", "https://bridge.example"),
        ("https://bridge.example:8443/fleet/", "https://bridge.example:8443/fleet"),
    ],
)
def test_a_bridge_is_an_address_of_https(text: str, url: str) -> None:
    assert bridge_url_in(text) == url
    assert read_settings({"CABIN_BRIDGE_URL": text}).bridge_url == url


@pytest.mark.parametrize(
    "text",
    [
        "http://bridge.example",
        "bridge.example",
        "https://",
        "https:///link",
        "https://user@bridge.example",
        "https://bridge.example@evil.example",
        "https://bridge.example/?a=b",
        "https://bridge.example/#a",
        "https://bridge.example/a b",
        "https://bridge.exämple",
        "https://[bridge",
        "javascript:alert(1)",
    ],
)
def test_what_a_driver_should_not_be_sent_to_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(BadSettings, match="CABIN_BRIDGE_URL"):
        read_settings({"CABIN_BRIDGE_URL": text})
