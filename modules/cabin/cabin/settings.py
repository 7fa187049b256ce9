"""The process environment, read once at start. What may change while driving is in the twin, not here."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Literal, Self

from msgspec import Meta

from cabin.calendar.bridge_link import bridge_url_in
from cabin.checked_fields import Mistaken, record_of
from cabin.errors import BadSettings, MessageRejected
from cabin.records import Market

_PREFIX = "CABIN_"
_LOG_LEVEL = "RuntimeLogLevel"
_LISTED = "web_hosts"
_EMPTY = "must not be empty, leave it out for its default"


class BridgeUrl(str):
    """As `bridge_url_in`. Raises ValueError."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:  # noqa: D102
        return super().__new__(cls, bridge_url_in(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Each field is an environment variable of the same name in capitals, with CABIN_ before it."""

    data_folder: Path = Path("/var/lib/edge-agent-cabin")
    """calendar, trips, decisions, the launch token; must survive a restart, and is for this module alone"""
    market: Market = Market.STRICT
    """the integrator's choice for the market the vehicle is sold in; the twin may make it stricter, never looser"""
    language: Literal["en", "de"] = "en"
    """until a driver chooses another"""
    broker_host: str = "127.0.0.1"
    """of the vehicle's MQTT broker, on which the agent publishes its tap"""
    broker_port: Annotated[int, Meta(ge=1, le=65535, description="must be a whole number from 1 to 65535")] = 1883
    broker_user: str = "cabin"
    broker_password: str = field(default="", repr=False)
    broker_password_file: Path | None = None
    """read at each connection, so that a password can be changed without a restart"""
    web_address: str = "127.0.0.1"
    """the head unit's browser runs on this machine; another address is refused unless `web_hosts` names it"""
    web_port: Annotated[int, Meta(ge=0, le=65535, description="must be a whole number from 0 to 65535")] = 8087
    """0 takes a free one and tells it in the log"""
    web_hosts: Annotated[
        tuple[str, ...], Meta(description='must be a list of texts like ["localhost", "127.0.0.1"]')
    ] = ("localhost", "127.0.0.1")
    """names by which the page may be asked for (`Host`), against DNS rebinding"""
    bridge_url: BridgeUrl = BridgeUrl("")  # noqa: RUF009  cannot be changed
    """Of the calendar bridge, https; the parked page shows it to the driver's phone. The deployment's to say, not the
    twin's: the bridge itself may write the twin, and so could who broke into it send phones elsewhere."""
    dialer: Literal["none", "tel", "ofono"] = "none"
    """`tel` hands a tel: address to the platform; `ofono` needs the system's D-Bus in the container: a privilege"""
    tel_socket: Path = Path("/run/edge-agent-cabin/tel")
    """Unix socket on which the head unit's platform takes tel: addresses, where `dialer` is `tel`"""
    start_profile: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9_-]{1,32}\Z", description="must be 1 to 32 letters, digits, _ and -")
    ] = "guest"
    """who drives when the ignition goes on, until somebody chooses; a car of one person may name theirs"""
    battery_kwh: Annotated[float, Meta(gt=0, le=1000, description="must be above 0, at most 1000")] | None = None
    """usable capacity; from it a trip's energy is estimated by the state of charge where no power is measured"""
    trips_days: Annotated[int, Meta(ge=1, le=3650, description="must be a whole number from 1 to 3650")] = 400
    """how long a trip is kept"""
    runtime_log_level: Literal["fatal", "error", "warning", "info", "debug", "verbose"] = "info"
    """by IoT Edge's own name, `RuntimeLogLevel`"""

    def broker_password_now(self) -> str:
        """From the file, where there is one. Raises OSError."""
        if self.broker_password_file is None:
            return self.broker_password
        return self.broker_password_file.read_text().strip()


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """From the process environment, or the one that is given. Raises BadSettings, which names every mistake."""
    given = _given(os.environ if environment is None else environment)
    # pathlib takes an empty one for the working directory, a web server for every address that the machine has.
    empty = [MessageRejected(name, _EMPTY) for name, value in given.items() if value == ""]
    try:
        settings = record_of({name: value for name, value in given.items() if value != ""}, Settings, texts=True)
    except Mistaken as error:
        raise _refusal([*empty, *error.mistakes]) from error
    if empty:
        raise _refusal(empty)
    return settings


def _refusal(mistakes: Sequence[MessageRejected]) -> BadSettings:
    return BadSettings("; ".join(f"{_variable(one.place)}: {one.reason}" for one in mistakes))


def _given(environment: Mapping[str, str]) -> dict[str, object]:
    """By field, of variables in any case; those that are of another release are left.

    So are empty ones of fields that are none by default, as in Edge Agent's settings.
    """
    given = {name.upper(): value for name, value in environment.items()}
    found: dict[str, object] = {
        one.name: given[name]
        for one in fields(Settings)
        if (name := _variable(one.name).upper()) in given and (given[name] or one.default not in {None, ""})
    }
    if _LISTED in found:
        with suppress(ValueError, RecursionError):
            found[_LISTED] = json.loads(str(found[_LISTED]))
    return found


def _variable(place: str) -> str:
    name, dot, inner = place.partition(".")
    return f"{_LOG_LEVEL if name == 'runtime_log_level' else _PREFIX + name.upper()}{dot}{inner}"
