"""The cockpit of the page's tests does what the server relies on."""

import pytest

from tests.cabin.contract.cockpit import CockpitContract, Stand
from tests.cabin.web.fake_cockpit import FakeCockpit


class TestFakeCockpit(CockpitContract):
    @pytest.fixture
    def stand(self) -> Stand:
        cockpit = FakeCockpit()

        async def park() -> None:
            cockpit.do(drive="parked", redraw_ms=100)

        async def drive_off() -> None:
            cockpit.do(drive="moving", redraw_ms=500)

        return Stand(cockpit, park, drive_off)
