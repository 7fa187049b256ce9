"""The local hub as a process of its own, so that taking the link away can be a real kill."""

import asyncio
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from edge_agent.errors import LocalHubNotStarted

START_S = 15.0


class HubProcess:
    """One hub on one folder; killed and started again it goes on with the same keys, twins and arrivals."""

    def __init__(self, folder: Path, address: str, also: Sequence[str] = ()) -> None:
        """`also` are further modules that it knows."""
        modules = [word for module in also for word in ("--also", module)]
        self._command = ("-m", "edge_agent", "hub", "--folder", str(folder), "--address", address, *modules)
        self._process: asyncio.subprocess.Process | None = None
        self.environment: dict[str, str] = {}
        """what a module needs, once started"""

    @property
    def pid(self) -> int:
        """Of the process, once started."""
        assert self._process is not None, "it was not started"  # noqa: S101
        return self._process.pid

    async def start(self) -> None:
        """Return when clients can connect. Raises LocalHubNotStarted with what the process said."""
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, *self._command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None and process.stderr is not None, "both are pipes"  # noqa: S101, PT018
        try:
            async with asyncio.timeout(START_S):
                while b"hub on" not in (said := await process.stderr.readline()):
                    if not said:
                        raise LocalHubNotStarted("it ended without a word")
                    if b"error:" in said:
                        raise LocalHubNotStarted(_reason(said.decode()))
                for _ in range(2):
                    _, pair = shlex.split((await process.stdout.readline()).decode())
                    name, _, value = pair.partition("=")
                    self.environment[name] = value
        except TimeoutError as error:
            raise LocalHubNotStarted(f"it was not ready within {START_S:g} s") from error

    async def kill(self) -> None:
        """SIGKILL: what a power cut of the gateway's hub looks like from here."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def _reason(said: str) -> str:
    """What it said behind `error:`, without what this process's own error says in front of it again."""
    return said.partition("error:")[2].strip().removeprefix(str(LocalHubNotStarted("")))
