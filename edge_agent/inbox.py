"""What the hub says: twin documents become the running configuration, direct methods get their answers."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from edge_agent import events
from edge_agent.channel import Channel
from edge_agent.durable import read_back, write_durably
from edge_agent.events import Log
from edge_agent.records import MethodAnswer
from edge_agent.twin import Applied, Config, Kept, Outcome, Twin

Method = Callable[[], Mapping[str, object]]
"""Answers a direct method with a JSON object."""


class LastGoodTwin:
    """The last desired document that ran, for a start without network."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str | None:
        """The document, or None: never kept, or unreadable (then the hub's replaces it)."""
        try:
            document = json.loads(read_back(self._path) or b"null")
        except (OSError, ValueError):
            return None
        return json.dumps(document) if isinstance(document, dict) else None

    def write(self, document: str) -> None:
        """Keep a document over power cuts. Raises OSError."""
        write_durably(self._path, document.encode())


class ModuleInbox:
    """Implements `ports.Inbox`; hands each new configuration on through `configs`."""

    def __init__(
        self,
        twin: Twin,
        last_good: LastGoodTwin,
        configs: Channel[Config],
        *,
        methods: Mapping[str, Method],
        about: Mapping[str, object],
        log: Log,
    ) -> None:
        self._twin = twin
        self._last_good = last_good
        self._configs = configs
        self._methods = methods
        self._about = about
        self._log = log
        self.configured = asyncio.Event()
        """set once some document runs"""

    async def restore(self) -> None:
        """Run the last good document, if one was kept."""
        document = self._last_good.read()
        if document is not None:
            await self._follow(self._twin.restore(document))

    async def document(self, text: str) -> str:
        """As `ports.Inbox`; also reports who we are, since this is said once a connection."""
        await self._follow(self._twin.document(text))
        return json.dumps(json.loads(self._twin.reported()) | dict(self._about))

    async def patch(self, text: str) -> str:
        """As `ports.Inbox`."""
        await self._follow(self._twin.patch(text))
        return self._twin.reported()

    async def method(self, name: str, payload: str) -> MethodAnswer:  # noqa: ARG002  none of ours takes a payload
        """As `ports.Inbox`."""
        method = self._methods.get(name)
        if method is None:
            known = ", ".join(sorted(self._methods))
            return MethodAnswer(404, json.dumps({"error": f"no method {name!r}; there are: {known}"}))
        return MethodAnswer(200, json.dumps(method()))

    async def _follow(self, outcome: Outcome) -> None:
        match outcome:
            case Applied(config, document):
                await self._configs.put(config)
                self.configured.set()
                signals, rules = len(config.plan.signals), len(config.rules)
                events.document_applied(self._log, version=config.version, rules=rules, signals=signals)
                await self._keep(document)
            case Kept(version, faults):
                running = self._twin.config.version if self._twin.config else None
                events.document_refused(self._log, version=version, running_version=running, faults=faults)

    async def _keep(self, document: str) -> None:
        try:
            await asyncio.to_thread(self._last_good.write, document)
        except OSError as error:
            events.document_not_kept(self._log, reason=str(error))
