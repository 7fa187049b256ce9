"""What the pages show and these tests cannot do as it stands there: each with its reason, in this one place.

Tests fail where a block has neither run nor a verdict, and where a verdict is about something that is gone.
"""

from collections.abc import Mapping

GATEWAY = "needs root, and a gateway that it changes"
AZURE = "needs an IoT hub and the Azure CLI"
IOT_EDGE = "needs a device that runs IoT Edge"
HEAD_UNIT = "needs a head unit's screen"
ENGINE = "needs an engine of containers: tests/image builds from the same file without one"
VCAN = "needs vcan0: tests/vcan/test_quickstart.py types the page there"
EXAMPLES = "takes half a minute each: tests/desk/test_dry_run.py types the page and compares what is said"
CLOUD = "needs the environment of make cloud: tests/cloud/edge_cloud/test_pages.py types it there"

LEFT_OUT: Mapping[tuple[str, str], str] = {
    ("cloud/README.md", "make cloud-demo"): CLOUD,
    (
        "cloud/infra/README.md",
        "az deployment group create --resource-group fleet --template-file main.bicep \\",
    ): AZURE,
    (
        "docs/cloud.md",
        "python -m edge_cloud.spark.ingest --files captured --lake lake --checkpoint state/ingest --once --desk 2",
    ): CLOUD,
    ("docs/deploy.md", "sudo mkdir -p /srv/edge-agent/data /srv/edge-agent/vehicle /srv/edge-hub"): GATEWAY,
    ("docs/deploy.md", "sudo mkdir -p /srv/edge-agent-broker /srv/edge-agent/secrets"): GATEWAY,
    ("docs/deploy.md", "az iot edge set-modules --hub-name HUB --device-id VEHICLE --content car.json"): AZURE,
    (
        "docs/examples/README.md",
        "$ edge-agent dry-run --log mustang_s550.log --dbc ford_lincoln_base_pt.dbc \\",
    ): EXAMPLES,
    (
        "docs/image.md",
        "docker build --file Dockerfile.arm64v8 --tag example.azurecr.io/telematics:0.1.0-arm64v8 .",
    ): ENGINE,
    (
        "docs/image.md",
        "docker build --file modules/cabin/Dockerfile.arm64v8 --tag example.azurecr.io/cabin:0.1.0-arm64v8 .",
    ): ENGINE,
    ("docs/image.md", "sudo make image-cabin"): "takes two minutes: somebody types it before a release",
    (
        "docs/image.md",
        "sudo apt-get install --no-install-recommends arch-test binfmt-support buildah \\",
    ): "takes ten minutes: .ci/run types it",
    ("docs/methods.md", "$ az iot hub invoke-module-method -n HUB -d DEVICE -m telematics --mn rules.test \\"): AZURE,
    ("docs/quickstart-desk.md", "sudo modprobe vcan"): GATEWAY,
    ("docs/quickstart-desk.md", ". .venv/bin/activate"): VCAN,
    (
        "docs/quickstart-desk.md",
        'export BUSES=\'[{"name": "car", "channel": "vcan0", "dbc": ["dbc/demo-vehicle.dbc"]}]\' DATA_FOLDER=desk-data',
    ): VCAN,
    (
        "docs/quickstart-desk.md",
        'for i in $(seq 20); do cansend vcan0 "110#$(printf %04X $((5000 + 10 * i)))000000000000"; sleep 0.02; done',
    ): VCAN,
    ("docs/quickstart-desk.md", "edge-agent method flush"): VCAN,
    ("docs/quickstart-desk.md", "kill %2; wait %2; kill %1"): VCAN,
    ("docs/quickstart-gateway.md", "sudo cp docs/gateway/80-can0.network /etc/systemd/network/"): GATEWAY,
    ("docs/quickstart-gateway.md", "sudo apt-get install -y python3-venv can-utils"): GATEWAY,
    ("docs/quickstart-gateway.md", "sudo mkdir -p /etc/edge-agent"): GATEWAY,
    ("docs/quickstart-gateway.md", "sudo cp docs/gateway/edge-agent.service /etc/systemd/system/"): GATEWAY,
    (
        "docs/quickstart-gateway.md",
        "sudo DATA_FOLDER=/var/lib/edge-agent /opt/edge-agent/bin/edge-agent health",
    ): GATEWAY,
    (
        "docs/quickstart-gateway.md",
        "az iot hub device-twin update --hub-name HUB --device-id VEHICLE --desired @twin.json",
    ): AZURE,
    ("docs/quickstart-iot-edge.md", "sudo cp docs/gateway/80-can0.network /etc/systemd/network/"): GATEWAY,
    (
        "docs/quickstart-iot-edge.md",
        "az iot edge set-modules --hub-name HUB --device-id VEHICLE --content car.json",
    ): AZURE,
    ("docs/quickstart-iot-edge.md", "sudo iotedge list"): IOT_EDGE,
    (
        "docs/quickstart-iot-edge.md",
        "az iot hub module-twin update --hub-name HUB --device-id VEHICLE --module-id telematics --desired @twin.json",
    ): AZURE,
    (
        "modules/cabin/README.md",
        "az iot hub module-twin update --hub-name HUB --device-id VEHICLE --module-id cabin --desired @twin.json",
    ): AZURE,
    ("modules/cabin/README.md", "token=$(sudo cat /srv/edge-agent-cabin/data/launch_token)"): HEAD_UNIT,
    (
        "docs/upgrade.md",
        "mkdir -p aside/spool",
    ): "needs a spool that a newer release left: tests/docs/test_upgrade.py makes one and types it",
}
"""Blocks that are not typed: page and first line, and why."""

STOPPED: Mapping[tuple[str, str], str] = {
    ("docs/deploy.md", "edge-agent hub --way workload --env-file hub.env &"): "uplink.link_up",
}
"""Blocks that go on until somebody ends them: page and first line, and the word after which they are ended."""

ELSEWHERE_ON_THE_WEB = {
    "https://covesa.github.io/vehicle_signal_specification/",
    "https://delta-io.github.io/delta-rs/",
    "https://github.com/commaai/opendbc",
    "https://github.com/eclipse-kuksa/kuksa-can-provider/blob/main/mapping/README.md",
    "https://github.com/v-ivanyshyn/parse_can_logs",
    "https://learn.microsoft.com/fabric/real-time-intelligence/event-streams/data-formats",
}
"""Links that were visited; the tests use no network."""

AWAITED: frozenset[str] = frozenset()
"""Pages that others are written to lead to before they are there."""

OTHER_NAMES: Mapping[str, str] = {
    "uplink.connect": "a stage of the health, not an event",
    "modules/NAME/module.json": "NAME stands for any module",
}
"""Words that look like an event or a file, and what they are."""

OTHER_VARIABLES: Mapping[str, str] = {
    "AZURE_STORAGE_CONNECTION_STRING": "of Azure's tools, for edge-cloud",
    "CABIN_WIRE": "of a test of the cabin, not of the cabin",
    "FAULTS_FULL": "of a test, not of the agent",
    "NET_ADMIN": "a capability, as Docker names it",
    "NOT_SET": "what a driver answered, in the cabin's interface",
    "PCAN_USBBUS1": "a channel of an adapter",
    "PIP_CERT": "of the image's build, for pip",
    "PIP_INDEX_URL": "of the image's build, for pip",
    "TIME_ZONE": "of the head unit's template",
}
"""Words that look like a variable of the agent, and what they are."""
