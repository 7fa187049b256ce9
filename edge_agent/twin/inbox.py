"""What the hub says: twin documents become the running configuration, direct methods get their answers."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from pathlib import Path
from threading import Lock

from edge_agent import events
from edge_agent.channel import Channel
from edge_agent.durable import read_back, write_durably
from edge_agent.errors import DocumentRefused, Fault, MethodRefused
from edge_agent.events import Log
from edge_agent.records import MethodAnswer
from edge_agent.twin.compilation import Config
from edge_agent.twin.desired import Applied, Kept, Outcome, Twin, Unchanged
from edge_agent.twin.fitting import JsonObject, shortened
from edge_agent.twin.methods import ANSWER_BYTES, Method
from edge_agent.twin.reported import Reported


class LastGoodTwin:
    """The last desired document that ran, for a start without network."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._one_at_a_time = Lock()  # a write whose session is lost goes on

    def read(self) -> str | None:
        """The document, or None where none was kept. Raises DocumentRefused where what was kept cannot be one."""
        try:
            content = read_back(self._path)
            if content is None:
                return None
            document = json.loads(content)
            if isinstance(document, dict) and type(document.get("$version")) is int:
                return json.dumps(document)
            why = "not an object with a whole number as its $version"
        except (OSError, ValueError, RecursionError) as error:
            why = str(error)
        raise DocumentRefused([Fault(str(self._path), why)])

    def write(self, newest: Callable[[], str]) -> None:
        """Keep over power cuts what is newest when it is this one's turn; from any thread. Raises OSError."""
        with self._one_at_a_time:
            write_durably(self._path, newest().encode())


class ModuleInbox:
    """Implements `ports.Inbox`; hands each new configuration on through `configs`."""

    def __init__(
        self,
        twin: Twin,
        last_good: LastGoodTwin,
        configs: Channel[Config],
        *,
        methods: Mapping[str, Method],
        about: JsonObject,
        link: Callable[[], JsonObject] = dict,
        reported: Reported,
        log: Log,
        acknowledges: bool = False,
        follow: Callable[[Config], None] = lambda _: None,
    ) -> None:
        """`about` is reported at each connect, and what `link` says of the new connection.

        `follow` is told each new configuration too, at once.

        `acknowledges`: a model was announced, whose readers wait for `{value, ac, av, ad}` of what they write.
        """
        self._twin = twin
        self._last_good = last_good
        self._configs = configs
        self._methods = methods
        self._about = about
        self._link = link
        self._reported = reported
        self._log = log
        self._acknowledges = acknowledges
        self._tell = follow
        self._newest = ""
        self.configured = asyncio.Event()
        """set once some document runs"""
        self._one_at_a_time = asyncio.Lock()

    @property
    def running_version(self) -> int | None:
        """`$version` of the desired properties that run, once some do."""
        return self._twin.config.version if self._twin.config else None

    async def restore(self) -> None:
        """Run the last good document, if one was kept."""
        try:
            document = self._last_good.read()
        except DocumentRefused as refusal:
            events.kept_document_unusable(self._log, reason=refusal.sentence())
            return
        if document is not None:
            await self._follow(lambda twin: twin.restore(document))

    async def document(self, text: str) -> str:
        """As `ports.Inbox`; also reports who we are, since this is said once a connection."""
        self._reported.connected(json.loads(text).get("reported", {}))
        await self._follow(lambda twin: twin.document(text))
        return self._twin.reported({**self._about, **self._link()})

    async def patch(self, text: str) -> str:
        """As `ports.Inbox`."""
        await self._follow(lambda twin: twin.patch(text))
        return self._twin.reported()

    async def method(self, name: str, payload: str) -> MethodAnswer:
        """As `ports.Inbox`."""
        method = self._methods.get(name)
        if method is None:
            known = ", ".join(sorted(self._methods))
            return MethodAnswer(404, json.dumps({"error": f"no method {name!r}; there are: {known}"}))
        try:
            return MethodAnswer(200, await _answer(method, payload))
        except MethodRefused as refusal:
            return MethodAnswer(refusal.status, json.dumps({"error": refusal.reason}))
        except Exception as error:  # noqa: BLE001  # whoever asked waits for an answer, and the vehicle drives on
            reason = f"{type(error).__name__}: {error}"
            events.method_failed(self._log, name=name, reason=reason)
            return MethodAnswer(500, json.dumps({"error": f"the method failed: {shortened(reason)}"}))

    async def _follow(self, judge: Callable[[Twin], Outcome]) -> None:
        async with self._one_at_a_time:
            # Against large databases this takes seconds, which frames must not wait for. On a copy: a judgement that is
            # cut off with its connection leaves no trace, so that the next connection's document is news.
            twin = copy(self._twin)
            outcome = await asyncio.to_thread(judge, twin)
            self._twin = twin
            if self._acknowledges and not isinstance(outcome, Unchanged):
                for section, body in twin.acknowledgements().items():
                    self._reported.say(section, body, soon=True)
            match outcome:
                case Applied(config, document):
                    await self._run(config)
                    await self._keep(document)
                case Kept(version, faults):
                    running = self.running_version
                    events.document_refused(self._log, version=version, running_version=running, faults=faults)

    async def _run(self, config: Config) -> None:
        self._tell(config)
        await self._configs.put(config)
        self.configured.set()
        signals, rules = len(config.plan.signals), len(config.rules)
        events.document_applied(self._log, version=config.version, rules=rules, signals=signals)
        if config.missing:
            events.signals_missing(self._log, version=config.version, missing=config.missing)

    async def _keep(self, document: str) -> None:
        self._newest = document
        try:
            await asyncio.to_thread(self._last_good.write, lambda: self._newest)
        except OSError as error:
            events.document_not_kept(self._log, reason=str(error))


async def _answer(method: Method, payload: str) -> str:
    """The method's answer as JSON. Raises MethodRefused."""
    try:
        called_with = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise MethodRefused(400, f"the payload is not JSON: {error}") from error
    found = method(called_with)
    answer = json.dumps(await found if isinstance(found, Awaitable) else found)
    if len(answer) > ANSWER_BYTES:
        reason = f"the answer has {len(answer)} bytes, {ANSWER_BYTES} at most can be sent: ask for less"
        raise MethodRefused(413, reason)
    return answer
