"""The trips of whoever drives: looks at the vehicle, keeps on disk what may be kept.

What is private, or without consent for trips, is measured for the live numbers and never gets to the disk. An ongoing
trip that becomes private is dropped whole, with what was driven before: whoever asks for that in the middle of a drive
means this drive, and its first half would lead to where it went. What is driven after private mode was taken back, or
after a consent was given, is a trip that starts there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from cabin import events
from cabin.disk import Disk
from cabin.events import Log
from cabin.records import Answer, Purpose, TripNow, TripSummary, Vehicle
from cabin.trips.journal import Bounds, Journal, Tick
from cabin.trips.machine import Ended, Phase, TripMachine
from cabin.trips.outbox import Outbox
from cabin.trips.plot import Plot, Point, point_of

TICK_MS = 9_000
"""with the time a flush takes, a power cut loses less than 10 s"""


@dataclass(frozen=True, slots=True)
class TripsAllowed:
    """What holds now, and for whom."""

    profile: str
    trips: bool = False
    location: bool = False
    cloud: bool = False
    """whether the summary may go to the cloud as well"""
    private: bool = False

    @classmethod
    def by(cls, profile: str, answers: Mapping[Purpose, Answer], *, private: bool) -> "TripsAllowed":
        """Only a YES is a yes."""
        trips, location, cloud = (
            answers.get(purpose) is Answer.YES for purpose in (Purpose.TRIPS, Purpose.LOCATION, Purpose.CLOUD_TELEMETRY)
        )
        return cls(profile, trips, location, trips and cloud, private)

    @property
    def keeps(self) -> bool:
        """Whether a trip may be on disk."""
        return self.trips and not self.private


class TripLog:
    """`open` first; `look` each 100 ms, on the event loop; the disk has a thread of its own."""

    def __init__(
        self,
        folder: Path,
        log: Log,
        *,
        bounds: Bounds | None = None,
        outbox: Outbox | None = None,
        capacity_kwh: float | None = None,
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._journal, self._log, self._outbox = Journal(folder, bounds or Bounds(), log), log, outbox
        self._disk = Disk("trips", log)
        self._new_machine = partial(TripMachine, new_id=new_id, capacity_kwh=capacity_kwh)
        self._allowed = TripsAllowed("")
        self._machine = self._new_machine("")
        self._begin_trip()

    async def open(self, *, now_ms: int) -> None:
        """Read what is kept; a trip that a power cut left open is closed. Raises DiskRefused."""
        closed = await self._disk.run(partial(self._journal.load, now_ms // 1000))
        if closed is not None and closed.goes_on and self._outbox is not None:
            await self._outbox.put(closed.trip)

    @property
    def now(self) -> TripNow | None:
        """The three live numbers; None without a trip. In private mode and without consent too: they are in memory."""
        return self._machine.now()

    def summaries(self, profile: str) -> tuple[TripSummary, ...]:
        """Of trips that are over, newest first."""
        return tuple(trip for trip in self._journal.summaries if trip.profile == profile)

    def plot(self, trip_id: str) -> Mapping[str, Sequence[float | None]] | None:
        """By column t_s, speed_kmh, soc_percent, power_kw; None without such a trip.

        Reads one line of a file, so call it off the event loop; any thread may. Raises OSError.
        """
        return self._journal.plot(trip_id)

    async def plot_of(self, trip_id: str) -> Mapping[str, Sequence[float | None]] | None:
        """The same, off the event loop. Raises DiskRefused."""
        return await self._disk.run(partial(self._journal.plot, trip_id))

    def look(self, vehicle: Vehicle, *, now_ms: int, up_ms: int, allowed: TripsAllowed) -> None:
        """Take what is new; nothing is awaited."""
        if allowed.profile != self._allowed.profile:
            self._change_profile(allowed.profile)
        elif allowed.keeps != self._allowed.keeps:
            self._change_keeping(keeps=allowed.keeps)
        self._allowed = allowed
        ended = self._machine.look(vehicle, now_ms=now_ms, up_ms=up_ms, location=allowed.location)
        if ended is not None:
            self._close(ended)
        self._follow(vehicle, up_ms)

    async def delete(self, profile: str, ids: Sequence[str] | None) -> int:
        """These trips of a profile, or all of them; how many there were. Raises DiskRefused.

        All of them includes the one that is not over, and what waits for the agent.
        """
        if ids is None and profile == self._allowed.profile:
            self._drop("deleted")
            self._machine = self._new_machine(profile)
        deleted = await self._disk.run(partial(self._journal.delete, profile, ids))
        if self._outbox is not None:
            await self._outbox.forget(profile, ids)
        return deleted

    async def forget_places(self, profile: str) -> None:
        """Where trips started and ended, kept ones and those that wait for the agent. Raises DiskRefused."""
        await self._disk.run(partial(self._journal.forget_places, profile))
        if self._outbox is not None:
            await self._outbox.forget_places(profile)

    async def close(self) -> None:
        """The open trip is noted once more; the next start closes it."""
        self._tick()
        await self._disk.close()

    def _begin_trip(self) -> None:
        self._plot = Plot()
        self._points: list[Point] = []
        self._ticked: tuple[Phase, int] | None = None

    def _follow(self, vehicle: Vehicle, up_ms: int) -> None:
        """Draw and note the open trip; at once when it begins or the ignition goes off, for power may go with it."""
        start_up_ms = self._machine.start_up_ms
        if start_up_ms is None or not self._allowed.keeps:
            return
        if self._ticked is None:
            events.trip_begun(self._log)
        point = point_of(vehicle, (up_ms - start_up_ms) / 1000, up_ms)
        if self._plot.add(point):
            self._points.append(point)
        phase, ticked = self._machine.phase, self._ticked
        if ticked is None or ticked[0] is not phase or up_ms - ticked[1] >= TICK_MS:
            self._ticked = phase, up_ms
            self._tick()

    def _tick(self) -> None:
        of = self._machine.open()
        if of is None or not self._allowed.keeps:
            return
        points, self._points = self._points, []
        tick = Tick(of.summary, points, is_kept=of.is_kept, goes_on=self._allowed.cloud)
        self._disk.put(partial(self._journal.tick, tick))

    def _close(self, ended: Ended) -> None:
        trip, plot = ended.summary, self._plot
        self._begin_trip()
        if not self._allowed.keeps:
            return
        if not ended.is_kept:
            self._disk.put(self._journal.drop)
            events.trip_dropped(self._log, reason="short")
            return
        outbox = self._outbox if self._allowed.cloud else None
        if outbox is not None:  # before the journal: what a cut leaves open is closed and waits again, under its id
            self._disk.put(partial(outbox.keep, trip))
        self._disk.put(partial(self._journal.close, trip, plot.until(trip.end_s - trip.start_s)))
        events.trip_kept(self._log, end=trip.end, waited=outbox is not None)

    def _change_profile(self, profile: str) -> None:
        ended = self._machine.finish()
        if ended is not None:
            self._close(ended)
        self._machine = self._new_machine(profile)
        self._begin_trip()

    def _change_keeping(self, *, keeps: bool) -> None:
        if keeps:
            self._machine = self._new_machine(self._machine.profile)
            self._begin_trip()
        else:
            self._drop("not_allowed")

    def _drop(self, reason: str) -> None:
        if self._machine.start_up_ms is not None:
            events.trip_dropped(self._log, reason=reason)
        self._begin_trip()
        self._disk.put(self._journal.drop)
