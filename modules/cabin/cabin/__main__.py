"""`cabin run`, as the container starts it; `cabin health`, as its engine asks it."""

import asyncio
import os
import signal
import sys

from cabin.errors import CabinError

_USAGE = """usage: cabin [run | health | --version]

  run      serve the head unit, configured by the environment alone (CABIN_..., see modules/cabin/README.md)
  health   exit 0 if the running cabin serves its page, else 1 with a sentence
"""


def main() -> None:
    """One word is all there is to say."""
    match sys.argv[1:]:
        case [] | ["run"]:
            sys.exit(_run())
        case ["health"]:
            from cabin.health_probe import tell_health

            sys.exit(tell_health())
        case ["--version"]:
            from cabin import __version__

            sys.stdout.write(f"{__version__}\n")
        case _:
            sys.stderr.write(_USAGE)
            sys.exit(0 if sys.argv[1:] in (["--help"], ["-h"]) else 2)


def _run() -> int:
    try:
        asyncio.run(_serve())
    except CabinError as error:
        sys.stderr.write(f"error: {error.sentence()}\n")
        return 1
    return 0


async def _serve() -> None:
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)

    from cabin.clock import SystemClock
    from cabin.logs import log_of
    from cabin.settings import read_settings

    settings = read_settings()
    log = log_of(settings.runtime_log_level)

    from cabin.app import Cabin
    from cabin.edge_environment import device_in, is_given
    from cabin.web.server import listener

    opened = listener(settings.web_address, settings.web_port, settings.web_hosts)
    vehicle = device_in(os.environ)
    cabin = await Cabin.open(settings, SystemClock(), log, with_hub=is_given(os.environ), vehicle=vehicle)
    await cabin.run(opened, stop)


if __name__ == "__main__":
    main()
