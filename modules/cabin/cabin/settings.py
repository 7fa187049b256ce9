"""The process environment, read once at start. What may change while driving is in the twin, not here."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from cabin.calendar.bridge_link import bridge_url_in
from cabin.errors import BadSettings
from cabin.records import Market

_PREFIX = "CABIN_"
_LOG_LEVEL = "RuntimeLogLevel"


def listed(given: object) -> object:
    """What a variable lists as JSON. Raises ValueError."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError as error:
        raise ValueError('must be a list like ["localhost", "127.0.0.1"]') from error


class Settings(BaseModel):
    """Each field is an environment variable of the same name in capitals, with CABIN_ before it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    data_folder: Path = Path("/var/lib/edge-agent-cabin")
    """calendar, trips, decisions, the launch token; must survive a restart, and is for this module alone"""
    market: Market = Market.STRICT
    """the integrator's choice for the market the vehicle is sold in; the twin may make it stricter, never looser"""
    language: Literal["en", "de"] = "en"
    """until a driver chooses another"""
    broker_host: str = "127.0.0.1"
    """of the vehicle's MQTT broker, on which the agent publishes its tap"""
    broker_port: int = Field(default=1883, ge=1, le=65535)
    broker_user: str = "cabin"
    broker_password: SecretStr = SecretStr("")
    broker_password_file: Path | None = None
    """read at each connection, so that a password can be changed without a restart"""
    web_address: str = "127.0.0.1"
    """the head unit's browser runs on this machine; another address is refused unless `web_hosts` names it"""
    web_port: int = Field(default=8087, ge=0, le=65535)
    """0 takes a free one and tells it in the log"""
    web_hosts: Annotated[tuple[str, ...], BeforeValidator(listed)] = ("localhost", "127.0.0.1")
    """names by which the page may be asked for (`Host`), against DNS rebinding"""
    bridge_url: Annotated[str, AfterValidator(bridge_url_in)] = ""
    """Of the calendar bridge, https; the parked page shows it to the driver's phone. The deployment's to say, not the
    twin's: the bridge itself may write the twin, and so could who broke into it send phones elsewhere."""
    dialer: Literal["none", "tel", "ofono"] = "none"
    """`tel` hands a tel: address to the platform; `ofono` needs the system's D-Bus in the container: a privilege"""
    tel_socket: Path = Path("/run/edge-agent-cabin/tel")
    """Unix socket on which the head unit's platform takes tel: addresses, where `dialer` is `tel`"""
    start_profile: str = Field(default="guest", pattern=r"^[A-Za-z0-9_-]{1,32}$")
    """who drives when the ignition goes on, until somebody chooses; a car of one person may name theirs"""
    battery_kwh: float | None = Field(default=None, gt=0, le=1000)
    """usable capacity; from it a trip's energy is estimated by the state of charge where no power is measured"""
    trips_days: int = Field(default=400, ge=1, le=3650)
    """how long a trip is kept"""
    runtime_log_level: Literal["fatal", "error", "warning", "info", "debug", "verbose"] = "info"
    """by IoT Edge's own name, `RuntimeLogLevel`"""

    def broker_password_now(self) -> str:
        """From the file, where there is one. Raises OSError."""
        if self.broker_password_file is None:
            return self.broker_password.get_secret_value()
        return self.broker_password_file.read_text().strip()


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """From the process environment, or the one that is given. Raises BadSettings, which names every mistake."""
    try:
        return Settings.model_validate(_given(os.environ if environment is None else environment))
    except ValidationError as error:
        raise BadSettings("; ".join(f"{_variable(one['loc'])}: {one['msg']}" for one in error.errors())) from error


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    """By field, of variables in any case."""
    given = {name.upper(): value for name, value in environment.items()}
    own = {name[len(_PREFIX) :].lower(): value for name, value in given.items() if name.startswith(_PREFIX)}
    level = given.get(_LOG_LEVEL.upper())
    return own if level is None else own | {"runtime_log_level": level}


def _variable(place: tuple[int | str, ...]) -> str:
    first, *rest = map(str, place)
    name = _LOG_LEVEL if first == "runtime_log_level" else _PREFIX + first.upper()
    return ".".join((name, *rest))
