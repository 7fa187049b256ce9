import pytest

from cabin.edge_environment import DESK, WORKLOAD, device_in, is_given
from cabin.errors import BadSettings

AT_DESK = "HostName=hub.example;DeviceId=demo-vehicle;ModuleId=cabin;SharedAccessKey=a2V5PQ==;GatewayHostName=127.0.0.1"


@pytest.mark.parametrize("names", [WORKLOAD, DESK])
def test_one_name_is_enough_to_say_that_there_is_a_hub(names: tuple[str, ...]) -> None:
    assert all(is_given({name: "x"}) for name in names)
    assert not is_given({"CABIN_MARKET": "strict"})


def test_the_vehicle_is_the_device_that_the_hub_knows() -> None:
    assert device_in({"IOTEDGE_DEVICEID": "truck 7"}) == "truck 7"
    assert device_in({"EdgeHubConnectionString": AT_DESK}) == "demo-vehicle"
    assert device_in({"EdgeHubConnectionString": AT_DESK, "IOTEDGE_DEVICEID": "demo-vehicle"}) == "demo-vehicle"
    assert device_in({}) == ""


def test_two_names_of_one_vehicle_are_refused() -> None:
    with pytest.raises(BadSettings, match="IOTEDGE_DEVICEID"):
        device_in({"EdgeHubConnectionString": AT_DESK, "IOTEDGE_DEVICEID": "another"})
