"""Which local bus the settings name, built."""

import random
from pathlib import Path

from edge_agent.errors import BadSettings, Fault
from edge_agent.events import Log
from edge_agent.ports import Clock
from edge_agent.settings import Settings
from edge_agent.tap.address import address_of
from edge_agent.tap.live import OFFLINE
from edge_agent.tap.local_bus import LocalBus

CLIENT_ID = "edge-agent"
"""At a broker of one vehicle there is one; a connection that hangs is taken over by the next."""


def local_bus_of(settings: Settings, clock: Clock, log: Log) -> LocalBus:
    """The vehicle's local bus, not yet connected; one without a broker where none is named. Raises BadSettings."""
    if faults := local_bus_faults(settings):
        raise BadSettings(faults)
    link = None
    if settings.tap_broker:
        # Whoever has no local bus need not wait for its import.
        from edge_agent.tap.mqtt import LocalBroker, MqttLink  # noqa: PLC0415

        password = settings.tap_password.get_secret_value()
        broker = LocalBroker(
            address_of(settings.tap_broker),
            CLIENT_ID,
            username=settings.tap_user,
            password=_password_in(settings.tap_password_file) if settings.tap_password_file else password,
            authority=settings.tap_ca,
            version=settings.tap_mqtt,
        )
        link = MqttLink(broker, log)
    return LocalBus(link, OFFLINE, clock=clock, random=random.random, log=log)


def local_bus_faults(settings: Settings) -> list[Fault]:
    """What is wrong with TAP_BROKER and what belongs to it."""
    given = {
        "TAP_USER": settings.tap_user,
        "TAP_PASSWORD": settings.tap_password.get_secret_value(),
        "TAP_PASSWORD_FILE": settings.tap_password_file,
        "TAP_CA": settings.tap_ca,
    }
    if not settings.tap_broker:
        return [Fault(name, "means nothing without TAP_BROKER") for name, value in given.items() if value]
    faults = []
    if given["TAP_PASSWORD"] and given["TAP_PASSWORD_FILE"]:
        faults.append(Fault("TAP_PASSWORD, TAP_PASSWORD_FILE", "say the same: give one of them"))
    if not settings.tap_user and (given["TAP_PASSWORD"] or given["TAP_PASSWORD_FILE"]):
        faults.append(Fault("TAP_USER", "must be given with a password"))
    if settings.tap_ca and not address_of(settings.tap_broker).tls:
        faults.append(Fault("TAP_CA", "is for a broker behind TLS: TAP_BROKER must begin with mqtts://"))
    for name, file in (("TAP_PASSWORD_FILE", settings.tap_password_file), ("TAP_CA", settings.tap_ca)):
        try:
            if file and not _password_in(file):
                faults.append(Fault(name, f"{file} is empty"))
        except OSError as error:
            faults.append(Fault(name, f"{file} cannot be read: {error.strerror or error}"))
        except UnicodeDecodeError as error:
            faults.append(Fault(name, f"{file} is not UTF-8 at byte {error.start}"))
    return faults


def _password_in(file: Path) -> str:
    return file.read_text(encoding="utf-8").rstrip("\r\n")
