"""The module as IoT Edge starts it: without a command line's libraries, which are 0.1 s and 10 MB."""
# ruff: noqa: PLC0415  imports are most of a start, and a stop must be heard before them

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress

from edge_agent.crash import leaves, tell_crash
from edge_agent.errors import EdgeAgentError
from edge_agent.large_buffers import give_back_large_buffers
from edge_agent.observe import logs
from edge_agent.system_signals import quiet_on_signals, stop_on_signals, until_it_runs


def serve(leave: Callable[[int], object]) -> None:
    """Run until a signal, a replayed log's end or a failure, which is one sentence on stderr; then `leave` with 0 or 1.

    That has to end the process at once: Python would first join the SDK's threads, and one that is stuck in a handshake
    never ends.
    """
    until_it_runs(lambda: leave(0))  # imports are most of a start
    give_back_large_buffers()
    code = _served()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    leave(code)


def _served() -> int:
    from edge_agent.settings import load_settings
    from edge_agent.wiring.uplink import uplink_of

    try:
        settings = load_settings()
        log = logs.configure(settings.runtime_log_level)
        uplink = uplink_of(settings, log)
    except EdgeAgentError as error:
        return _told(error)

    from edge_agent.app import Agent

    async def until_stopped() -> None:
        agent = await Agent.open(settings, uplink, log, log.set_level)
        quiet_on_signals(agent.fall_quiet, agent.wake)
        await agent.run(stop_on_signals())

    try:
        asyncio.run(until_stopped())
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001  IoT Edge restarts us, whatever it was
        for leaf in leaves(error):
            if isinstance(leaf, EdgeAgentError):
                _told(leaf)
            else:
                tell_crash(log, leaf)
        return 1
    return 0


def _told(error: EdgeAgentError) -> int:
    sys.stderr.write(f"error: {error.sentence()}\n")
    return 1
