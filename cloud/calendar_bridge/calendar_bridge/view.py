"""A calendar as the delta rounds tell of it, put together. Pure.

The traps of `calendarView/delta` that are met here (Microsoft Learn, "event: delta", and issues of its documents):
- the window is frozen in the state token, so it is seeded anew each day, and is wider than what is shown: an all-day
  event counts by the midnight of the zone it was made in, and is shown by that of the zone the car is in, 26 hours
  apart at most;
- the same event may come several times in a round, on any page, and an update may have only what has changed;
- `@removed` also names events that were never in the window, and whatever has changed outside it;
- a series comes as itself, with the time of its first occurrence: never shown as such; its occurrences have no more
  than a time and the id of the series (microsoft-graph-docs issue 7632), which is to be asked for where the round
  lacks it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from calendar_bridge.records import Event, Page, Window

DAY_S = 86_400
DAYS_BEFORE, DAYS_AFTER = 2, 5


def day_of(now_s: float) -> int:
    """Number of the UTC day; a view is good for one."""
    return int(now_s // DAY_S)


def window_of(day: int) -> Window:
    """What a seed on that day asks for."""
    return Window((day - DAYS_BEFORE) * DAY_S, (day + DAYS_AFTER) * DAY_S)


@dataclass(slots=True)
class View:
    """The events of one window, in memory alone. A round that was broken off goes on at `link`."""

    day: int
    link: str = ""
    """what to follow next; empty where the window is to be seeded"""
    _events: dict[str, Event] = field(default_factory=dict)
    _series: dict[str, Event] = field(default_factory=dict)
    _stale: set[str] = field(default_factory=set)
    """series of which this round has named an occurrence, not yet the series itself"""
    _fresh: set[str] = field(default_factory=set)
    """series that this round has named itself"""

    def take(self, page: Page) -> None:
        """A page of a round, in its order."""
        for event in page.events:
            self._take(event)
        self.link = page.next_link or page.delta_link

    def lacking(self) -> tuple[str, ...]:
        """Series to be asked for before the round is done: those unknown, and those whose occurrences have changed."""
        known = self._series.keys()
        needed = {series for event in self._events.values() if (series := _series_of(event))}
        return tuple(sorted(needed & ((self._stale - self._fresh) | (needed - known))))

    def take_series(self, series: str, event: Event | None) -> None:
        """What was asked for; None where it is no more, and its occurrences with it."""
        if event is None:
            self._events = {key: one for key, one in self._events.items() if _series_of(one) != series}
        else:
            self._series[series] = event
        self._stale.discard(series)

    def end_round(self) -> None:
        """All is there."""
        self._stale.clear()
        self._fresh.clear()

    def events(self) -> Iterator[Event]:
        """Whole ones: of an occurrence, its own fields over those of its series."""
        for event in self._events.values():
            series = self._series.get(_series_of(event))
            yield {**series, **_said(event)} if series else event

    def _take(self, event: Event) -> None:
        event_id = str(event.get("id"))
        if "@removed" in event:
            self._forget(event_id)
        elif event.get("type") == "seriesMaster" or event_id in self._series:
            self._series[event_id] = {**self._series.get(event_id, {}), **event}
            self._fresh.add(event_id)
        else:
            whole = {**self._events.get(event_id, {}), **event}
            self._events[event_id] = whole
            if series := _series_of(whole):
                self._stale.add(series)

    def _forget(self, event_id: str) -> None:
        """A series is asked for: one that began before the window may be called removed when it has changed."""
        self._events.pop(event_id, None)
        self._series.pop(event_id, None)


def _series_of(event: Event) -> str:
    """Of an occurrence the id of its series; exceptions are whole events."""
    return str(event.get("seriesMasterId") or "") if event.get("type") == "occurrence" else ""


def _said(event: Event) -> Event:
    return {name: value for name, value in event.items() if value is not None}
