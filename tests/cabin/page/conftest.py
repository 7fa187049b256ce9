"""One browser for all tests, and a way to it that ends with each test's own loop."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser

from tests.cabin.page.browser import IS_THERE, WHY_NOT, connected, started
from tests.cabin.web.fake_cockpit import FakeCockpit, Scene


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not IS_THERE:
        pytest.skip(WHY_NOT)
    with started(tmp_path_factory.mktemp("chromium")) as told:
        yield told


@pytest.fixture
async def browser(endpoint: str) -> AsyncIterator[Browser]:
    async with connected(endpoint) as opened:
        yield opened


@pytest.fixture
def cockpit() -> FakeCockpit:
    return FakeCockpit(Scene(redraw_ms=50))
