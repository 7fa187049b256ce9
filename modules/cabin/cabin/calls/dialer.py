"""Which way calls are made: by the settings, once at start."""

from typing import assert_never

from cabin.calls.none import NoDialer
from cabin.calls.tel import TelDialer
from cabin.events import Log
from cabin.ports import Dialer
from cabin.settings import Settings


def dialer_of(settings: Settings, log: Log) -> Dialer:
    """`none`, the platform's own, or a phone's hands-free profile through oFono."""
    match settings.dialer:
        case "none":
            return NoDialer()
        case "tel":
            return TelDialer(settings.tel_socket, log)
        case "ofono":
            from cabin.calls.ofono import OfonoDialer  # noqa: PLC0415  dbus-fast is not installed where no phone is

            return OfonoDialer(log)
        case never:
            assert_never(never)
