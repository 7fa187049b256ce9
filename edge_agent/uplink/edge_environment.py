"""Which variables IoT Edge, or its desk tools, must have set. Pure.

The SDK looks at these itself, and falls back without a word where one of seven is missing; so it is judged
first, to name the missing one (azure-iot-device 2.14.0, iothub/abstract_clients.py, create_from_edge_environment).
"""

from collections.abc import Mapping

from edge_agent.errors import Fault

WORKLOAD = (
    "IOTEDGE_IOTHUBHOSTNAME",
    "IOTEDGE_DEVICEID",
    "IOTEDGE_MODULEID",
    "IOTEDGE_GATEWAYHOSTNAME",
    "IOTEDGE_MODULEGENERATIONID",
    "IOTEDGE_WORKLOADURI",
    "IOTEDGE_APIVERSION",
)
"""Set by IoT Edge in every module's container."""

DESK = ("EdgeHubConnectionString", "EdgeModuleCACertificateFile")
"""Set by Microsoft's simulator and by the local hub."""


def judge_environment(environ: Mapping[str, str]) -> tuple[Fault, ...]:
    """Empty where one of the two sets is whole; else one sentence for each set that was begun, or for both."""
    missing = {names: [name for name in names if name not in environ] for names in (WORKLOAD, DESK)}
    if not all(missing.values()):
        return ()
    begun = [absent for names, absent in missing.items() if len(absent) < len(names)]
    if begun:
        return tuple(Fault(", ".join(absent), "must be set too, as IoT Edge's other variables are") for absent in begun)
    wanted = f"neither {', '.join(WORKLOAD)} nor {', '.join(DESK)}"
    remedy = "at a desk start `edge-agent hub --env-file hub.env`, and take what it writes with `. ./hub.env`"
    return (Fault("environment", f"this is not IoT Edge's: {wanted} are set; {remedy}"),)
