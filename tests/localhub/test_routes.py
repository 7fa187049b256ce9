import pytest

from edge_agent.errors import BadSettings
from edge_agent.localhub.routes import Input, parse_routes

TRIPS = 'BrokeredEndpoint("/modules/cabin/inputs/trips")'


def fits(route: str, module: str = "telematics", **properties: str) -> bool:
    [parsed] = parse_routes([route])
    return parsed.fits(module, {"$.on": "telemetry", **properties})


@pytest.mark.parametrize(
    "source",
    [
        "/*",
        "/messages/*",
        "/messages/modules/*",
        "/messages/modules/telematics/*",
        "/messages/modules/telematics/outputs/*",
        "/messages/modules/telematics/outputs/telemetry",
    ],
)
def test_a_source_fits_what_it_names(source: str) -> None:
    assert fits(f"FROM {source} INTO $upstream")


@pytest.mark.parametrize("source", ["/messages/modules/cabin/*", "/messages/modules/telematics/outputs/trips"])
def test_a_source_fits_nothing_else(source: str) -> None:
    assert not fits(f"from {source} into $upstream")


def test_a_condition_compares_properties_with_texts() -> None:
    route = "FROM /* WHERE lane = 'hot' AND rule != 'idle' INTO $upstream"

    assert fits(route, lane="hot", rule="speed")
    assert not fits(route, lane="hot", rule="idle")
    assert not fits(route, lane="warm", rule="speed")
    assert not fits(route, rule="speed")


def test_a_sink_is_the_cloud_or_another_modules_input() -> None:
    [to_cloud, to_cabin] = parse_routes(["FROM /* INTO $upstream", f"FROM /* INTO {TRIPS}"])

    assert to_cloud.sink is None
    assert to_cabin.sink == Input("cabin", "trips")


def test_without_routes_everything_goes_to_the_cloud() -> None:
    [route] = parse_routes([])

    assert route.sink is None
    assert route.fits("any", {})


def test_every_route_that_is_none_is_named() -> None:
    with pytest.raises(BadSettings) as refused:
        parse_routes(
            [
                "FROM /* INTO $upstream",
                "INTO $upstream",
                "FROM /messages/devices/* INTO $upstream",
                "FROM /* WHERE temperature > 20 INTO $upstream",
                "FROM /* INTO the cloud",
            ]
        )
    sentence = str(refused.value)
    for told in ("route 2: must be FROM", "route 3: its source", "route 4: its condition", "route 5: its sink"):
        assert told in sentence
    assert "route 1:" not in sentence
