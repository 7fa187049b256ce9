import pytest

from cabin.calls.dialer import dialer_of
from cabin.settings import read_settings
from tests.uplink.fakes import Told


@pytest.mark.parametrize(("named", "kind"), [("none", "NoDialer"), ("tel", "TelDialer"), ("ofono", "OfonoDialer")])
async def test_the_settings_say_how_calls_are_made(named: str, kind: str) -> None:
    dialer = dialer_of(read_settings({"CABIN_DIALER": named}), Told())
    assert type(dialer).__name__ == kind
    assert dialer.state == "none"
    await dialer.close()
