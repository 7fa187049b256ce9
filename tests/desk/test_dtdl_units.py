import pytest

from edge_agent.desk.dtdl_units import quantity


@pytest.mark.parametrize(
    ("unit", "semantic_type", "name"),
    [
        ("km/h", "Velocity", "kilometrePerHour"),
        (" rpm ", "AngularVelocity", "revolutionPerMinute"),
        ("°C", "Temperature", "degreeCelsius"),
        ("celsius", "Temperature", "degreeCelsius"),
        ("Nm", "Torque", "newtonMetre"),
        ("mV", "Voltage", "millivolt"),
        ("m/s^2", "Acceleration", "metrePerSecondSquared"),
    ],
)
def test_what_is_sure_has_a_quantity(unit: str, semantic_type: str, name: str) -> None:
    assert quantity(unit) == (semantic_type, name)


@pytest.mark.parametrize("unit", ["", "C", "g", "NM", "nm", "%", "MV", "S", "counts"])
def test_what_may_mean_two_things_has_none(unit: str) -> None:
    assert quantity(unit) is None
