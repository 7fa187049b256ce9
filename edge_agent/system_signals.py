"""What signals of the system ask of the agent: to stop, to be quiet, to wake."""

import asyncio
import signal
from collections.abc import Callable
from typing import Final

STOP: Final = (signal.SIGTERM, signal.SIGINT)
"""docker stop, and a keyboard"""
QUIET: Final = signal.SIGUSR1
WAKE: Final = signal.SIGUSR2
"""both from whoever keeps the power"""


def until_it_runs(leave: Callable[[], object]) -> None:
    """At a stop `leave`: nothing is on the way yet, and a spool survives worse. The others would end the process."""
    for number in STOP:
        signal.signal(number, lambda *_: leave())
    for number in (QUIET, WAKE):
        signal.signal(number, signal.SIG_IGN)


def stop_on_signals() -> asyncio.Event:
    """Set by a stop from now on."""
    stop = asyncio.Event()
    for number in STOP:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def quiet_on_signals(fall_quiet: Callable[[], None], wake: Callable[[], None]) -> None:
    """From now on."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(QUIET, fall_quiet)
    loop.add_signal_handler(WAKE, wake)
