"""Which way to the cloud the settings name, built."""

from edge_agent.errors import BadSettings, Fault
from edge_agent.events import Log
from edge_agent.ports import Uplink
from edge_agent.settings import Settings
from edge_agent.uplink.credentials import EdgeEnvironment, HubCertificate, HubKey, hub_credentials
from edge_agent.uplink.iotedge import IotEdge


def uplink_of(settings: Settings, log: Log) -> Uplink:
    """The uplink, not yet connected. Raises BadSettings where what it needs is not there."""
    return IotEdge(
        log,
        output=settings.output,
        keep_alive_s=settings.keep_alive_s,
        model_id=settings.model_id,
        credentials=_at_the_hub(settings) if settings.uplink == "hub" else EdgeEnvironment(),
    )


def _at_the_hub(settings: Settings) -> HubKey | HubCertificate:
    if not (text := settings.hub_connection_string.get_secret_value()):
        raise BadSettings([Fault("HUB_CONNECTION_STRING", "must be given with UPLINK=hub")])
    return hub_credentials(text, settings.hub_certificate_file, settings.hub_key_file, settings.hub_ca_file)
