"""What no test may leave behind or do, whatever it tests."""

import asyncio
import inspect
import ipaddress
import re
import socket
import threading
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from typing import Any

import hypothesis
import pytest
import structlog

from edge_agent.localhub import hub
from edge_agent.localhub.identities import Identity, ModuleId, load_identities

OUR_THREADS = ("acquire", "spool", "iotedge", "localhub", "metrics", "tap")
THREAD_END_S = 2.0
KEYS: set[str] = set()
TOKEN = re.compile(r"SharedAccessKey=[A-Za-z0-9+/]{40}|SharedAccessSignature sr=|[?&]sig=")

# No deadline: a machine that does other work besides is slow now and then, and no property is about speed.
hypothesis.settings.register_profile("agent", deadline=None)
hypothesis.settings.load_profile("agent")


@pytest.fixture(autouse=True)
def _nothing_lingers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set up before, and so checked after, every other fixture of the test."""
    before = set(threading.enumerate())
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("_no_task_or_timer_lingers")
    yield
    ours = [one for one in set(threading.enumerate()) - before if one.name.startswith(OUR_THREADS)]
    for one in ours:
        one.join(THREAD_END_S)
    assert not [one.name for one in ours if one.is_alive()], "a thread of ours lives on after its test"


@pytest.fixture
async def _no_task_or_timer_lingers() -> AsyncIterator[None]:
    """Torn down in the test's own loop."""
    yield
    loop: Any = asyncio.get_running_loop()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    assert not tasks, f"tasks live on after their test: {tasks}"
    timers = [timer for timer in loop._scheduled if not timer.cancelled()]
    assert not timers, f"timers live on after their test: {timers}"


@pytest.fixture(autouse=True, scope="session")
def _keys_are_known() -> Iterator[None]:
    """Of every hub that a test makes in this process, for `pytest_runtest_makereport`."""

    def noted(*arguments: Any) -> Mapping[ModuleId, Identity]:
        identities = load_identities(*arguments)
        KEYS.update(one.key for one in identities.values())
        return identities

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "load_identities", noted)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test whose output or logs hold a key or a token fails, whatever else it was about."""
    report = yield
    for name, text in report.sections:
        if report.passed and (TOKEN.search(text) or any(key in text for key in KEYS)):
            report.outcome, report.longrepr = "failed", f"a key or a token is in the {name.lower()}:\n{text}"
    return report


@pytest.fixture(autouse=True)
def _events_render() -> Iterator[None]:
    """An event with a field that JSON cannot hold fails here, not in a vehicle's log."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer(default=_not_json)],
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    yield
    structlog.reset_defaults()


def _not_json(value: object) -> object:
    raise TypeError(f"an event's field must be JSON: {value!r}")


@pytest.fixture(autouse=True, scope="session")
def _only_this_machine() -> Iterator[None]:
    """A test that would need a network fails at its first connection."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            assert ipaddress.ip_address(address[0]).is_loopback, f"a test connects to {address}"
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield
