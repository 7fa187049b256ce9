"""Frames in, batches out: decode, tap and policy on one task, since they share one clock, the CPU's."""

from edge_agent import events
from edge_agent.channel import Channel
from edge_agent.compilation import Config
from edge_agent.decode.bus_reports import BusReports
from edge_agent.decode.decoding import Decoding
from edge_agent.events import Log
from edge_agent.policy.collector import Collector
from edge_agent.records import Batch, CloseReason, FrameBlock
from edge_agent.tap.latest import Latest


class Sift:
    """Runs one configuration at a time; a new one takes over between two blocks."""

    def __init__(self, decoding: Decoding, reports: BusReports, collector: Collector, latest: Latest, log: Log) -> None:
        self._decoding = decoding
        self._reports = reports
        self._collector = collector
        self._latest = latest
        self._log = log
        self._paths_told = 0
        self.samples = 0

    async def run(self, frames: Channel[FrameBlock], configs: Channel[Config], batches: Channel[Batch]) -> None:
        """Until the frames end; then every open batch is sealed and the batches end."""
        try:
            async for block in frames:
                while len(configs):
                    await self._seal(self._exchange(await configs.get()), batches)
                samples = self._decoding.feed(block)
                self._tell_left_out()
                self.samples += len(samples)
                self._latest.update(samples)
                self._reports.feed(samples)
                await self._seal(self._collector.feed(samples), batches)
            await self._seal(self._end(), batches)
            await self._seal(self._collector.flush(CloseReason.STOPPED), batches)
        finally:
            batches.close()

    def _end(self) -> list[Batch]:
        rest = self._decoding.rest()
        if rest is None:
            return []
        self._reports.feed(rest)
        self._reports.close()
        return self._collector.feed(rest)

    def _tell_left_out(self) -> None:
        """Each path of which a computed sample was no number, once."""
        paths = list(self._decoding.left_out)
        for path in paths[self._paths_told :]:
            events.computed_sample_left_out(self._log, path=path)
        self._paths_told = len(paths)

    def _exchange(self, config: Config) -> list[Batch]:
        self._decoding.follow(config.plan)
        self._latest.reconfigure(config.plan.signals)
        events.plan_compiled(
            self._log,
            config_version=config.version,
            signals=len(config.plan.signals),
            rows=len(config.plan.signal),
        )
        return self._collector.reconfigure(config.version, config.plan.signals, config.rules, config.conditions)

    async def _seal(self, sealed: list[Batch], batches: Channel[Batch]) -> None:
        for batch in sealed:
            events.batch_sealed(self._log, batch)
            await batches.put(batch)
