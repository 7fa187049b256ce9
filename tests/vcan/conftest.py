"""Tests that need real SocketCAN: `make vcan` runs them, under `with_socketcan`."""

import pytest

from tests.vcan.interface import VCAN0, VCAN1, exists, link, make


@pytest.fixture(autouse=True)
async def _both_interfaces_are_up() -> None:
    """Whatever the test before left behind."""
    for interface in (VCAN0, VCAN1):
        if exists(interface):
            await link("set", interface, "up")
        else:
            await make(interface)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave them out unless they are asked for by their mark.

    Not by `-m "not vcan"` among pytest's own options: the next -m replaces it, and `-m "not slow"` would run them.
    """
    if "vcan" in (config.option.markexpr or ""):
        return
    away = [item for item in items if item.get_closest_marker("vcan")]
    if away:
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if item not in away]
