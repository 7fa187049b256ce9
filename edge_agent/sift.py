"""Frames in, batches out: decode, tap and policy on one task, since they share one clock, the CPU's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from edge_agent import events
from edge_agent.channel import Channel
from edge_agent.decode.bus_reports import BusReports
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.plan import DecodePlan
from edge_agent.errors import MethodRefused
from edge_agent.events import Log
from edge_agent.head_unit.consent import NOTHING, Permits, locates, parted
from edge_agent.policy.collector import Collector
from edge_agent.policy.rule_reports import RuleReports
from edge_agent.records import Batch, CloseReason, FrameBlock, Purpose, RuleInfo, SampleBlock, Trip
from edge_agent.tap.latest import Latest
from edge_agent.tap.live import LiveTap
from edge_agent.tap.recent_frames import RecentFrames
from edge_agent.twin.compilation import Config
from edge_agent.twin.vehicle_state import VehicleState

ASKED_BATCHES = 64
"""Batches that somebody asked for and that wait for the next block, about: with so many there are no more for now."""


class Sift:
    """Runs one configuration at a time; a new one takes over between two blocks."""

    def __init__(
        self,
        decoding: Decoding,
        reports: BusReports,
        collector: Collector,
        latest: Latest,
        log: Log,
        *,
        narrow: Callable[[DecodePlan], None] = lambda _: None,
        rule_reports: RuleReports | None = None,
        vehicle_state: VehicleState | None = None,
        recent: RecentFrames | None = None,
        tap: LiveTap | None = None,
        hear: Callable[[bool], None] = lambda _: None,
        asks_for_consent: bool = False,
    ) -> None:
        """`narrow` is told each plan that takes over: the source need not read what it does not want.

        `hear` is told with each block whether the condition for quiet is true; there is none where nobody asks.

        What `asks_for_consent` keeps nothing that needs it before `follow_consent`.
        """
        self._config: Config | None = None
        self._began = False
        self._allowed = NOTHING if asks_for_consent else None
        self._granted: tuple[Purpose, int] | None = None
        """what is allowed from behind the next block on that was closed at this uptime, or later"""
        self._hear = hear
        self._quiet_when: int | None = None
        self._rule_reports = rule_reports
        self._vehicle_state = vehicle_state
        self._recent = recent
        self._tap = tap
        self._narrow = narrow
        self._decoding = decoding
        self._reports = reports
        self._collector = collector
        self._latest = latest
        self._log = log
        self._paths_told = 0
        self._first_told = False
        self._asked: list[Batch] = []  # bounded by `_ask`
        self._ended = False
        self.samples = 0

    async def run(self, frames: Channel[FrameBlock], configs: Channel[Config], batches: Channel[Batch]) -> None:
        """Until the frames end; then every open batch is sealed and the batches end."""
        try:
            async for block in frames:
                self._began = True
                await self._seal(self._take_asked(), batches)
                while len(configs):
                    await self._seal(self._exchange(await configs.get()), batches)
                samples = self._decoding.feed(block)
                self._tell_first(samples)
                self._tell_left_out()
                self.samples += len(samples)
                self._latest.update(samples)
                if self._tap:
                    self._tap.feed(self._latest, block.uptime_ns)
                self._reports.feed(samples)
                await self._seal(self._collector.feed(samples, block), batches)
                self._tell_beside(block)
                self._begin_granted(block)
            # All at one moment: what a driver withdraws while these wait for the disk was sealed before.
            last = [*self._take_asked(), *self._end(), *self._collector.flush(CloseReason.STOPPED)]
            self._ended = True
            await self._seal(last, batches)
            self._tell_last()
        finally:
            batches.close()

    @property
    def snapshot_rules(self) -> tuple[str, ...]:
        """Names of the running rules of kind `snapshot`."""
        return self._collector.snapshot_rules

    def snapshot(self, rules: Sequence[str]) -> Sequence[Batch]:
        """Take snapshots now, between two blocks; they leave with the next one. Raises MethodRefused."""
        self._judge_room()
        taken = self._collector.snapshot(rules)
        self._asked += taken
        return taken

    def flush(self) -> Sequence[Batch]:
        """Seal what is open now, likewise. Raises MethodRefused."""
        self._judge_room()
        sealed = self._collector.flush(CloseReason.FLUSHED)
        self._asked += sealed
        return sealed

    def seal_for_quiet(self) -> int:
        """Seal what is open now, likewise; how many batches were sealed since the start."""
        if not self._ended:
            self._asked += self._collector.flush(CloseReason.QUIET)
        return self._collector.sealed

    def follow_consent(self, allowed: Purpose, uptime_ns: int) -> int:
        """Stop at once every rule that needs consent to more than this, and throw away what it holds.

        What newly may run begins behind the blocks that were closed by now, `uptime_ns`, and with no memory: nothing is
        kept of what was on the buses before. Before the first block there is nothing to wait for. Returned is the
        number of the next batch that is sealed: all that was sealed for a rule that is stopped has a smaller one.
        """
        if self._allowed is not None:
            at_once = allowed & self._allowed if self._began else allowed
            self._granted = (allowed, uptime_ns) if allowed != at_once else None
            self._allow(at_once)
            if self._vehicle_state:  # also what an earlier start kept, before anything runs
                self._vehicle_state.forget(lambda key: not self._may_be_state(key))
        return self._collector.sealed

    @property
    def allowed(self) -> Purpose | None:
        """For what may be collected; None where nobody is asked."""
        return self._allowed

    @property
    def waiting(self) -> Mapping[str, tuple[str, ...]]:
        """The rules that wait for consent, and the purposes that each lacks."""
        return self._permits(self._config).waiting if self._config else {}

    def take_in(self, trip: Trip, rule: RuleInfo, t_ns: int) -> Batch:
        """A batch of a trip, which leaves with the next block. Raises MethodRefused where there are too many."""
        self._judge_room()
        batch = self._collector.take_in(trip, rule, t_ns)
        self._asked.append(batch)
        return batch

    def _begin_granted(self, block: FrameBlock) -> None:
        if self._granted and block.uptime_ns >= self._granted[1]:
            (allowed, _), self._granted = self._granted, None
            self._allow(allowed)

    def _allow(self, allowed: Purpose) -> None:
        if allowed != self._allowed:
            self._allowed = allowed
            if self._config:
                self._asked += self._begin(self._config, knows_past=False)

    def _may_be_state(self, signal: str) -> bool:
        """Whether the twin may be told of it; a place needs consent of its own."""
        needs = Purpose.CLOUD_TELEMETRY | (Purpose.LOCATION if locates(signal) else NOTHING)
        return self._allowed is None or needs in self._allowed

    def _permits(self, config: Config) -> Permits:
        return Permits(config.rules, {}) if self._allowed is None else parted(config.rules, self._allowed)

    def _tell_beside(self, block: FrameBlock) -> None:
        """Whoever else wants to know of a block that the rules have judged."""
        if self._quiet_when is not None:
            self._hear(self._collector.is_true(self._quiet_when))
        if self._rule_reports and self._rule_reports.due(block.uptime_ns):
            self._rule_reports.say(self._collector.activity, block.uptime_ns)
        if self._vehicle_state:
            self._vehicle_state.feed(self._latest.values, block.uptime_ns)
        if self._recent and self._recent.is_kept:
            self._recent.add(block)

    def _tell_last(self) -> None:
        if self._rule_reports:
            self._rule_reports.say(self._collector.activity, 0)
        if self._vehicle_state:
            self._vehicle_state.look(self._latest.values())

    def _judge_room(self) -> None:
        if self._ended:
            raise MethodRefused(503, "the agent is about to end")
        if len(self._asked) >= ASKED_BATCHES:
            raise MethodRefused(429, "what was asked for before is still on its way to the disk: ask again later")

    def _take_asked(self) -> list[Batch]:
        asked, self._asked = self._asked, []
        return asked

    def _end(self) -> list[Batch]:
        rest = self._decoding.rest()
        if rest is None:
            return []
        self._reports.feed(rest)
        self._reports.close()
        return self._collector.feed(rest)

    def _tell_first(self, samples: SampleBlock) -> None:
        """That the line works, as soon as it does."""
        if not self._first_told and any(counts.decoded for counts in samples.counts):
            self._first_told = True
            events.first_frame_decoded(self._log, uptime_s=samples.uptime_ns / 1e9)

    def _tell_left_out(self) -> None:
        """Each path of which a computed value was no number, once."""
        paths = self._decoding.left_out
        for path in paths[self._paths_told :]:
            events.computed_sample_left_out(self._log, path=path)
        self._paths_told = len(paths)

    def _exchange(self, config: Config) -> list[Batch]:
        self._narrow(config.plan)
        self._decoding.follow(config.plan)
        self._latest.reconfigure(config.plan.signals)
        if self._tap:
            self._tap.follow(config.tap, config.plan.signals, config.version)
        events.plan_compiled(
            self._log,
            config_version=config.version,
            signals=len(config.plan.signals),
            rows=len(config.plan.signal),
        )
        # Its conditions begin with nothing known, and nothing is not true.
        self._quiet_when = config.quiet.condition
        self._hear(False)  # noqa: FBT003  a callback of one argument
        self._config = config
        return self._begin(config)

    def _begin(self, config: Config, *, knows_past: bool = True) -> list[Batch]:
        permits = self._permits(config)
        if self._vehicle_state:  # it has no purpose of its own, as a rule without one
            signals = tuple(filter(self._may_be_state, config.state.signals))
            self._vehicle_state.follow(replace(config.state, signals=signals))
        return self._collector.reconfigure(
            config.version,
            config.plan.signals,
            permits.running,
            config.conditions,
            waiting=permits.waiting,
            knows_past=knows_past,
        )

    async def _seal(self, sealed: list[Batch], batches: Channel[Batch]) -> None:
        for batch in sealed:
            events.batch_sealed(self._log, batch)
            await batches.put(batch)
