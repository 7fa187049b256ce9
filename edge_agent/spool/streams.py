"""The streams there are, in the order of their turns. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from edge_agent.records import Part, Terms, Upload
from edge_agent.spool.naming import PRIORITIES, STREAMS, StreamName
from edge_agent.spool.stream import Segment, Stream


class Streams(Mapping[StreamName, Stream]):
    """Those of no noted purpose always, others since they were first heard of.

    Other threads may look: what is inside is replaced, never written to.
    """

    def __init__(self) -> None:
        self._streams: dict[StreamName, Stream] = {}
        self._of_priority: list[list[Stream]] = []
        self.know(STREAMS)

    def __getitem__(self, name: StreamName) -> Stream:
        return self._streams[name]

    def __iter__(self) -> Iterator[StreamName]:
        return iter(self._streams)

    def __len__(self) -> int:
        return len(self._streams)

    def know(self, names: Iterable[StreamName]) -> None:
        """Have a stream of each name."""
        known = self._streams
        if new := set(names).difference(known):
            order = sorted(new.union(known), key=lambda name: name.turn)
            self._streams = {name: known.get(name) or Stream(name) for name in order}
            everything = self._streams.values()
            self._of_priority = [
                [stream for stream in everything if stream.name.priority == priority] for priority in range(PRIORITIES)
            ]

    def segments(self) -> Iterator[Segment]:
        """Of all, oldest first within each stream."""
        return (segment for stream in self._streams.values() for segment in stream.segments)

    def turns(self, terms: Terms) -> Iterator[list[Stream]]:
        """The streams that may go, those of one priority together, most important first."""
        for streams in self._of_priority[: terms.last_priority + 1]:
            yield [stream for stream in streams if terms.unmetered or stream.name.upload is Upload.ANY]

    def last_first(self, priority: int) -> Iterator[list[Stream]]:
        """Those that may have to make room for a record of a priority; those that go alike together."""
        less = [stream for stream in reversed(self._streams.values()) if stream.name.priority >= priority]
        for _, alike in groupby(less, key=lambda stream: (stream.name.priority, stream.name.upload)):
            yield list(alike)


def by_age(streams: Sequence[Stream]) -> list[Segment]:
    """Their segments, oldest first."""
    return sorted((segment for stream in streams for segment in stream.segments), key=lambda segment: segment.begins)


def oldest(streams: Iterable[Stream], part: Part, live_since_s: int) -> tuple[Segment, int] | None:
    """The oldest record of any of these that can be leased; the live ones were appended at that second or later."""
    found = [one for stream in streams if (one := stream.oldest(part, live_since_s))]
    return min(found, key=lambda one: one[0].key(one[1]), default=None)
