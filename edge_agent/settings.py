"""The process environment, read once at start. What may change while driving is in the twin, not here."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from edge_agent.errors import BadSettings, Fault, JsonRefused
from edge_agent.mistakes import Place, mistakes, path
from edge_agent.tap.address import judged_address
from edge_agent.uplink.credentials import connection_parts
from edge_agent.uplink.mqtt_topics import judged_control, judged_template
from edge_agent.written_json import read_json

_SEGMENT = r"[A-Za-z](\w*[A-Za-z0-9])?"
_MODEL_ID = re.compile(rf"dtmi:{_SEGMENT}(:{_SEGMENT})*;[1-9]\d{{0,8}}(\.[1-9]\d{{0,5}})?", re.ASCII)
_MODEL_ID_CHARS = 128


def judged_model_id(text: str) -> str:
    """The text, if it is an identifier that an Interface may have (DTDL v3). Raises ValueError."""
    if len(text) > _MODEL_ID_CHARS or not _MODEL_ID.fullmatch(text):
        raise ValueError(f"must be like dtmi:com:example:vehicle;1, with at most {_MODEL_ID_CHARS} characters")
    return text


def _named(path: object) -> object:
    if path == "":  # which pathlib takes for the folder it is in
        raise ValueError("must not be empty")
    return path


class BusSettings(BaseModel):
    """One bus and what decodes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[^.\s@$#\x00-\x1f\x7f]{1,32}$")
    """no dot, dollar, hash, space or control character, which no key of the reported properties may have"""
    interface: str = "socketcan"
    """a python-can interface: socketcan, virtual, slcan, pcan, kvaser, vector, gs_usb, ..."""
    channel: str
    """the interface's name as python-can takes it: `can0`, `/dev/ttyUSB0`, `PCAN_USBBUS1`; in a log that is replayed,
    its channel"""
    fd: bool = False
    """CAN FD frames are read too"""
    bitrate: int | None = Field(default=None, gt=0)
    """bits a second, of which the load of the bus is told in percent; the interface is set to it, except SocketCAN's,
    which `ip link` sets"""
    data_bitrate: int | None = Field(default=None, gt=0)
    """of CAN FD's data phase, for the load alone"""
    only_wanted: bool = False
    """the kernel passes only the arbitration ids from which some rule wants a signal, and error frames; what it holds
    back is not counted as seen. For a small CPU on a full bus; SocketCAN alone"""
    dbc: tuple[Annotated[Path, BeforeValidator(_named)], ...] = ()
    """databases (DBC, KCD, SYM, ARXML); frames of no database are counted as unknown"""
    vss: Annotated[Path | None, BeforeValidator(_named)] = None
    """JSON in KUKSA's `dbc2vss` form: which signals go by which VSS paths"""

    @field_validator("only_wanted")
    @classmethod
    def _the_kernel_has_the_bus(cls, only_wanted: bool, info: ValidationInfo) -> bool:
        if only_wanted and info.data.get("interface") != "socketcan":
            raise ValueError("only SocketCAN's buses are filtered by the kernel")
        return only_wanted


class Settings(BaseModel):
    """Each field is an environment variable of the same name in capitals; `load_settings` reads them."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    buses: tuple[BusSettings, ...] = Field(min_length=1)
    """JSON list, or the path of a file that holds one"""
    data_folder: Path = Path("/var/lib/edge-agent")
    """spool and last good twin; must survive a restart"""
    spool_cap_bytes: int = Field(default=1 << 30, ge=1 << 20)
    """most the spool may take; beyond it the lowest priority goes first, of that the oldest"""
    spool_min_free_bytes: int = Field(default=64 << 20, ge=0)
    """the spool leaves the file system so much free space, even below its cap; 0 is no floor"""
    spool_memory_bytes: int = Field(default=16 << 20, ge=0, le=1 << 30)
    """of batches that wait in memory while the disk takes none (full, read-only, failing)"""
    commit_s: float = Field(default=1.0, gt=0, le=60)
    """sealed batches are on disk for good after this long at the latest"""
    commit_bytes: int = Field(default=64 * 1024, ge=1)
    """and sooner where this much waits"""
    tick_ms: int = Field(default=100, ge=10, le=1000)
    """one block; half the cost of a block of a full bus does not depend on its frames, see docs/performance.md"""
    test_memory_bytes: int = Field(default=2 << 20, ge=0, le=1 << 30)
    """of frames of the last minute, for the direct method `rules.test`; 0 keeps none"""
    clock_trusted: bool = False
    """the wall clock is right at the start (RTC, satellites) though the kernel does not know that it is kept"""
    replay_log: Path | None = None
    """read this log instead of the buses, once there are rules; then deliver all of it and end"""
    replay_speed: float = Field(default=1.0, ge=0)
    """1 as recorded, N times as fast, 0 as fast as possible"""
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """for Prometheus at `/metrics`; 0 serves none"""
    metrics_address: str = "127.0.0.1"
    """0.0.0.0 for a collector in another container: then whoever reaches the vehicle's network can read them"""
    uplink: Literal["edge", "hub", "mqtt"] = "edge"
    """`edge`: IoT Edge's hub, as its variables say; `hub`: IoT Hub itself, by HUB_CONNECTION_STRING; `mqtt`: a broker
    of MQTT 5, such as an Event Grid namespace, by MQTT_HOST and what follows it"""
    mqtt_host: str = ""
    """name or address of the broker"""
    mqtt_port: int = Field(default=8883, ge=1, le=65535)
    """of the broker; 1883 is usual without TLS"""
    mqtt_tls: bool = True
    """TLS, with the system's authorities or MQTT_CA_FILE"""
    mqtt_client_id: str = ""
    """the device's id without one; Event Grid takes each session of a client by its own"""
    mqtt_username: str = ""
    """the device's id without one: Event Grid wants the client's authentication name here"""
    mqtt_password: SecretStr = SecretStr("")
    """with the username; Event Grid wants none"""
    mqtt_certificate_file: Path | None = None
    """PEM, X.509 client certificate, where that proves who the agent is"""
    mqtt_key_file: Path | None = None
    """PEM, private key of that certificate"""
    mqtt_ca_file: Path | None = None
    """PEM, who signed the broker's certificate, where the system does not know it"""
    mqtt_topic: Annotated[str, AfterValidator(judged_template)] = "vehicles/{device}/{lane}/{rule}"
    """of telemetry; may name device, module, lane, rule, schema and priority"""
    mqtt_control: Annotated[str, AfterValidator(judged_control)] = "vehicles/{device}/{module}/control"
    """of desired and reported properties and methods, see docs/mqtt.md"""
    mqtt_session_expiry_s: int = Field(default=3600, ge=0, le=0xFFFF_FFFF)
    """for which the broker keeps patches and methods for a vehicle that is away"""
    hub_connection_string: SecretStr = SecretStr("")
    """of a device, or of a module of one; with `x509=true` in place of a key the two files below prove who it is"""
    hub_certificate_file: Path | None = None
    """PEM, X.509 certificate of the device"""
    hub_key_file: Path | None = None
    """PEM, private key of that certificate"""
    hub_ca_file: Path | None = None
    """who signed the hub's certificate, where the system does not know it"""
    # Not `\w`: 64 times all letters of Unicode are 6 MB and 0.03 s in pydantic's regex engine.
    output: str = Field(default="telemetry", pattern="^[A-Za-z0-9_]{1,64}$")
    """output of the module that routes name"""
    model_id: Annotated[str, AfterValidator(lambda text: text and judged_model_id(text))] = ""
    """of the IoT Plug and Play model that is announced at each connect, if any; `edge-agent dtdl` makes models"""
    keep_alive_s: int = Field(default=20, ge=1, le=1740)
    """MQTT's: a dead link is noticed after about one and a half of it"""
    consent: Literal["none", "cabin"] = "none"
    """whose word on consent counts: `none`, the operator has settled it elsewhere and every rule runs; `cabin`, the
    driver's, as the cabin says it on the local bus: without a yes nothing runs that needs one, see docs/consent.md"""
    link_file: Path | None = None
    """in which whoever keeps the modem says `{"metered": true, "roaming": false}`; looked at every two seconds"""
    tap_broker: Annotated[str, AfterValidator(judged_address)] = ""
    """the local MQTT broker, `mosquitto:1883` or `mqtts://head-unit`, see docs/tap.md; empty: there is none"""
    tap_user: str = ""
    """who the agent is there"""
    tap_password: SecretStr = SecretStr("")
    """of that user; or TAP_PASSWORD_FILE names a file that holds it"""
    tap_password_file: Path | None = None
    """the password alone, with or without a newline; read at the start"""
    tap_ca: Path | None = None
    """PEM, who signed the local broker's certificate, where the system does not know it; for `mqtts`"""
    tap_mqtt: Literal["5", "3.1.1"] = "5"
    """version of the protocol; with 3.1.1 nobody hears that the broker refused a message"""
    drain_s: float = Field(default=6.0, gt=0, le=60)
    """what a stop may take; below the container's stop timeout (Docker: 10 s)"""
    device: str = Field(default="", validation_alias="IOTEDGE_DEVICEID")
    """names the vehicle in every batch; a connection string says it too"""
    module: str = Field(default="", validation_alias="IOTEDGE_MODULEID")
    """names the agent in every batch; a connection string says it too"""
    hub: str = Field(default="", validation_alias="IOTEDGE_IOTHUBHOSTNAME")
    """name of the IoT hub, for the labels of metrics"""
    workload_uri: str = Field(default="", validation_alias="IOTEDGE_WORKLOADURI")
    """where IoT Edge's daemon signs and encrypts for the module"""
    workload_api_version: str = Field(default="", validation_alias="IOTEDGE_APIVERSION")
    """of that API"""
    module_generation: str = Field(default="", validation_alias="IOTEDGE_MODULEGENERATIONID")
    """which deployment of the module it is, for that API"""
    runtime_log_level: Literal["fatal", "error", "warning", "info", "debug", "verbose"] = Field(
        default="info", validation_alias="RuntimeLogLevel"
    )
    """from which level on events are told; the twin's `log_level` goes before it"""
    spool_key_file: Path | None = None
    """32 random bytes, mode 0600; read at the start, never made"""
    # Behind the fields it is judged by.
    spool_encryption: Literal["off", "workload", "file"] = "off"
    """payloads on disk are encrypted: `workload`, with a key that IoT Edge's workload API wraps; `file`, with the one
    in SPOOL_KEY_FILE"""

    @field_validator("buses", mode="before")
    @classmethod
    def _from_text_or_file(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        text = value if value.lstrip().startswith("[") else _file(value)
        try:
            return read_json(text)
        except JsonRefused as error:
            raise ValueError(str(error)) from error

    # Behind the one above, since of these the last is asked first.
    @field_validator("*", mode="before")
    @classmethod
    def _says_something(cls, value: object, info: ValidationInfo) -> object:
        if value == "" and info.field_name not in _NONE_BY_DEFAULT:
            required = info.field_name == "buses"
            raise ValueError("must not be empty" if required else "must not be empty, leave it out for its default")
        return value

    @field_validator("buses")
    @classmethod
    def _names_differ(cls, buses: tuple[BusSettings, ...]) -> tuple[BusSettings, ...]:
        names = [bus.name for bus in buses]
        if len(set(names)) < len(names):
            raise ValueError(f"two buses have one name: {', '.join(names)}")
        return buses

    @field_validator("spool_encryption")
    @classmethod
    def _the_key_can_be_had(cls, encryption: str, info: ValidationInfo) -> str:
        if encryption == "file" and info.data.get("spool_key_file") is None:
            raise ValueError("the file of the key is missing, SPOOL_KEY_FILE must name it")
        names = ("workload_uri", "workload_api_version", "module_generation", "module")
        if encryption == "workload" and not all(info.data.get(name) for name in names):
            raise ValueError("only IoT Edge's own runtime offers a workload API, in its variables: use `file` here")
        return encryption


def _file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"neither a JSON list nor a readable file: {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 at byte {error.start}"
        raise ValueError(f"neither a JSON list nor a readable file: {path} {reason}") from error


VARIABLES = {
    str(field.validation_alias or name.upper()): str(field.validation_alias or name)
    for name, field in Settings.model_fields.items()
}
"""every variable of the environment, and what Settings calls it"""

_NONE_BY_DEFAULT = {name for name, field in Settings.model_fields.items() if field.default in {None, "", SecretStr("")}}
"""An empty one of these is as one that is not set. No other may be empty: to `${FOLDER}` that a deployment forgot
pathlib says the working directory, and a default would decide on consent or encryption in somebody's place."""
_VARIABLE_OF = {name: str(field.validation_alias or name.upper()) for name, field in Settings.model_fields.items()}
_IDENTITY = {"device": "DeviceId", "module": "ModuleId", "hub": "HostName"}
"""what a connection string calls these"""


def load_settings(**overrides: object) -> Settings:
    """Settings of this process. Raises BadSettings, every mistake with the variable's name."""
    return _judged(_given(os.environ) | overrides)


def settings_of_environment(environment: Mapping[str, str]) -> Settings:
    """Settings that a process with these variables would have. Raises BadSettings as `load_settings` does."""
    return _judged(_given(environment))


def _given(environment: Mapping[str, str]) -> dict[str, object]:
    """By field, of variables in any case: `tick_ms=50` counts as well."""
    given = {name.lower(): value for name, value in environment.items()}
    known = {field: given[name.lower()] for field, name in _VARIABLE_OF.items() if name.lower() in given}
    said = {field: value for field, value in known.items() if value or field not in _NONE_BY_DEFAULT}
    return _identity(given) | said


def _identity(given: Mapping[str, str]) -> dict[str, object]:
    """Microsoft's simulator, and IoT Hub itself, name device, module and hub only in a connection string."""
    text = given.get("edgehubconnectionstring") or given.get("hub_connection_string", "")
    parts = dict(connection_parts(text))
    return {field: parts[name] for field, name in _IDENTITY.items() if name in parts}


def _judged(values: Mapping[str, object]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise BadSettings([_fault(place, message) for place, message in mistakes(error)]) from error


def _fault(place: Place, message: str) -> Fault:
    field = str(place[0])
    return Fault(path((_VARIABLE_OF.get(field, field), *place[1:])), message)
