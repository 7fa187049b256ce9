"""Units of databases and of VSS, as far as DTDL's quantitative types have them without a doubt. Pure.

Names of types and units: Azure/opendigitaltwins-dtdl, DTDL.quantitativeTypes.v1.md. What may mean two things (`C`, `g`,
`NM`, `%`) is left out; a reader finds every unit as it was written in the comment of its Telemetry.
"""

from typing import NamedTuple


class Quantity(NamedTuple):
    """A semantic type, and a unit of it."""

    semantic_type: str
    unit: str


_UNITS: tuple[tuple[str, str, str], ...] = (
    ("Acceleration", "metrePerSecondSquared", "m/s2 m/s^2 m/s² m/s/s m/sec2 m/sec^2"),
    ("Angle", "degreeOfArc", "deg Deg degree degrees Degrees °"),
    ("Angle", "radian", "rad radian"),
    ("AngularVelocity", "degreePerSecond", "deg/s Deg/s degrees/s deg/sec °/s"),
    ("AngularVelocity", "radianPerSecond", "rad/s rad/sec"),
    ("AngularVelocity", "revolutionPerMinute", "rpm RPM Rpm 1/min U/min min-1 min^-1"),
    ("Current", "ampere", "A Amp amp ampere"),
    ("Current", "milliampere", "mA"),
    ("Distance", "centimetre", "cm"),
    ("Distance", "kilometre", "km"),
    ("Distance", "metre", "m meter metre"),
    ("Distance", "mile", "mile miles"),
    ("Distance", "millimetre", "mm"),
    ("ElectricCharge", "ampereHour", "Ah"),
    ("Energy", "joule", "J"),
    ("Energy", "kilojoule", "kJ"),
    ("Energy", "kilowattHour", "kWh KWh kwh"),
    ("Energy", "wattHour", "Wh"),
    ("Force", "newton", "N"),
    ("Frequency", "hertz", "Hz"),
    ("Frequency", "kilohertz", "kHz"),
    ("Illuminance", "lux", "lux lx"),
    ("Mass", "kilogram", "kg"),
    ("MassFlowRate", "gramPerSecond", "g/s"),
    ("MassFlowRate", "kilogramPerHour", "kg/h"),
    ("Power", "kilowatt", "kW KW"),
    ("Power", "watt", "W Watt watt watts"),
    ("Pressure", "bar", "bar Bar"),
    ("Pressure", "hectopascal", "hPa"),
    ("Pressure", "kilopascal", "kPa kpa"),
    ("Pressure", "millibar", "mbar"),
    ("Pressure", "pascal", "Pa"),
    ("Pressure", "poundPerSquareInch", "psi"),
    ("Resistance", "kiloohm", "kOhm kohm kΩ"),
    ("Resistance", "ohm", "Ohm ohm Ω"),
    ("Temperature", "degreeCelsius", "°C degC DegC celsius"),
    ("Temperature", "degreeFahrenheit", "°F degF"),
    ("Temperature", "kelvin", "K kelvin"),
    ("TimeSpan", "day", "day days"),
    ("TimeSpan", "hour", "h hr hour hours"),
    ("TimeSpan", "microsecond", "us µs μs"),
    ("TimeSpan", "millisecond", "ms"),
    ("TimeSpan", "minute", "min minute minutes"),
    ("TimeSpan", "second", "s sec second seconds"),
    ("Torque", "newtonMetre", "Nm"),
    ("Velocity", "kilometrePerHour", "km/h KM/H kph KPH kmh"),
    ("Velocity", "metrePerSecond", "m/s m/sec"),
    ("Velocity", "milePerHour", "mph MPH"),
    ("Voltage", "kilovolt", "kV"),
    ("Voltage", "millivolt", "mV"),
    ("Voltage", "volt", "V Volt volt volts"),
    ("Volume", "litre", "l L liter litre"),
    ("Volume", "millilitre", "ml"),
    ("VolumeFlowRate", "litrePerHour", "l/h L/h"),
)

_QUANTITIES = {spelling: Quantity(kind, unit) for kind, unit, spellings in _UNITS for spelling in spellings.split()}


def quantity(unit: str) -> Quantity | None:
    """What a unit as it is written measures, or None where that is not sure."""
    return _QUANTITIES.get(unit.strip())
