"""What IoT Edge tells a module of its hub, or a desk that does as it; read before the SDK is there. Pure."""

from collections.abc import Mapping
from typing import Final

from cabin.errors import BadSettings

WORKLOAD: Final = (
    "IOTEDGE_IOTHUBHOSTNAME",
    "IOTEDGE_DEVICEID",
    "IOTEDGE_MODULEID",
    "IOTEDGE_GATEWAYHOSTNAME",
    "IOTEDGE_MODULEGENERATIONID",
    "IOTEDGE_WORKLOADURI",
    "IOTEDGE_APIVERSION",
)
"""set by IoT Edge in every module's container"""
DESK: Final = ("EdgeHubConnectionString", "EdgeModuleCACertificateFile")
"""set by Microsoft's simulator and by the agent's local hub"""


def is_given(environment: Mapping[str, str]) -> bool:
    """Whether somebody has said where the hub is, whole or not: the page is there without one."""
    return any(name in environment for name in (*WORKLOAD, *DESK))


def device_in(environment: Mapping[str, str]) -> str:
    """The device id that IoT Edge gives to a module, or a desk's connection string; empty where nobody said one.

    Raises BadSettings where both say one, and another: the driver's meetings would go to the other vehicle.
    """
    pairs = (part.partition("=") for part in environment.get("EdgeHubConnectionString", "").split(";"))
    at_desk = {name.strip(): value for name, _, value in pairs}.get("DeviceId", "")
    given = environment.get("IOTEDGE_DEVICEID", "")
    if given and at_desk and given != at_desk:
        raise BadSettings("IOTEDGE_DEVICEID: is not the DeviceId of EdgeHubConnectionString")
    return given or at_desk
