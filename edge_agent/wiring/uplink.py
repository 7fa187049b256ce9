"""Which way to the cloud the settings name, built; and the books about what it costs."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from warnings import filterwarnings

from edge_agent.errors import BadSettings, Fault
from edge_agent.events import Log
from edge_agent.ports import Clock, Uplink
from edge_agent.settings import Settings
from edge_agent.spared import spared
from edge_agent.twin.reported import Reported
from edge_agent.uplink.credentials import EdgeEnvironment, HubCertificate, HubKey, hub_credentials
from edge_agent.uplink.edge_environment import judge_environment
from edge_agent.uplink.late import LateUplink
from edge_agent.uplink.link_file import LinkFile
from edge_agent.uplink.mqtt_topics import Topics
from edge_agent.uplink.spent_file import SpentFile
from edge_agent.uplink.tariff import Tariff


def uplink_of(settings: Settings, log: Log) -> Uplink:
    """The uplink, not yet connected. Raises BadSettings where what it needs is not there."""
    if faults := uplink_faults(settings, os.environ):
        raise BadSettings(faults)
    match settings.uplink:
        case "edge":
            return _azure(settings, EdgeEnvironment(), log)
        case "hub":
            return _azure(settings, _at_the_hub(settings), log)
        case "mqtt":
            return _mqtt(settings, log)


def uplink_faults(settings: Settings, environ: Mapping[str, str]) -> tuple[Fault, ...]:
    """What the way to the cloud that the settings name needs and has not; `environ` is judged for IoT Edge's alone."""
    match settings.uplink:
        case "edge":
            return judge_environment(environ)
        case "hub":
            try:
                _at_the_hub(settings)
            except BadSettings as error:
                return error.faults
            return ()
        case "mqtt":
            return tuple(_missing_for_mqtt(settings))


def tariff_of(settings: Settings, reported: Reported, clock: Clock, log: Log) -> Tariff:
    """What may be sent, by the link and the budget, with what was spent before this start."""
    return Tariff(
        LinkFile(settings.link_file, log),
        SpentFile(settings.data_folder / "spent.json", log),
        reported,
        clock=clock,
        log=log,
        clock_trusted=settings.clock_trusted,
    )


def _azure(settings: Settings, credentials: EdgeEnvironment | HubKey | HubCertificate, log: Log) -> Uplink:
    def build() -> Uplink:
        # The SDK and what it imports are a fifth of a start: they come while the first frames are decoded.
        with _without_guesses_of_encodings():
            from edge_agent.uplink.iotedge import IotEdge  # noqa: PLC0415

        return IotEdge(
            log,
            output=settings.output,
            keep_alive_s=settings.keep_alive_s,
            model_id=settings.model_id,
            credentials=credentials,
        )

    return LateUplink(build)


@contextmanager
def _without_guesses_of_encodings() -> Iterator[None]:
    """While the SDK's requests is imported, which then reads what names no encoding as UTF-8, and warns of it.

    The library it asks otherwise holds 3 MB, for it imports every codec there is. What the SDK asks for is JSON.
    """
    filterwarnings("ignore", "Unable to find acceptable character detection dependency")
    with spared("charset_normalizer"):
        yield


def _at_the_hub(settings: Settings) -> HubKey | HubCertificate:
    if not (text := settings.hub_connection_string.get_secret_value()):
        raise BadSettings([Fault("HUB_CONNECTION_STRING", "must be given with UPLINK=hub")])
    return hub_credentials(text, settings.hub_certificate_file, settings.hub_key_file, settings.hub_ca_file)


def _mqtt(settings: Settings, log: Log) -> Uplink:
    # Whoever goes another way need not wait for its import.
    from edge_agent.uplink.mqtt import Broker, MqttUplink  # noqa: PLC0415

    device = settings.device
    broker = Broker(
        settings.mqtt_host,
        settings.mqtt_port,
        settings.mqtt_client_id or device,
        username=settings.mqtt_username or device,
        password=settings.mqtt_password.get_secret_value(),
        tls=settings.mqtt_tls,
        certificate=settings.mqtt_certificate_file,
        key=settings.mqtt_key_file,
        authority=settings.mqtt_ca_file,
        keep_alive_s=settings.keep_alive_s,
        session_expiry_s=settings.mqtt_session_expiry_s,
    )
    return MqttUplink(log, broker, Topics(device, settings.module, settings.mqtt_topic, settings.mqtt_control))


def _missing_for_mqtt(settings: Settings) -> list[Fault]:
    files = {
        "MQTT_CERTIFICATE_FILE": settings.mqtt_certificate_file,
        "MQTT_KEY_FILE": settings.mqtt_key_file,
        "MQTT_CA_FILE": settings.mqtt_ca_file,
    }
    faults = [Fault(name, f"there is no file {path}") for name, path in files.items() if path and not path.is_file()]
    needed = {"MQTT_HOST": settings.mqtt_host, "IOTEDGE_DEVICEID": settings.device, "IOTEDGE_MODULEID": settings.module}
    faults += [Fault(name, "must be given with UPLINK=mqtt") for name, value in needed.items() if not value]
    if (settings.mqtt_certificate_file is None) != (settings.mqtt_key_file is None):
        faults.append(Fault("MQTT_CERTIFICATE_FILE, MQTT_KEY_FILE", "go together: give both or none"))
    return faults
