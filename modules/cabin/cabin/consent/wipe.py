"""What each NO wipes.

| purpose | goes |
|---|---|
| calendar | the profile's meetings and the key to which they are sealed |
| trips | its trips with their plots, the open one too, and what waits for the agent |
| location | where its trips started and ended, also in what waits for the agent |
| cloud_telemetry | what waits for the agent; what the agent keeps, it wipes itself |
"""

from collections.abc import Awaitable, Callable, Mapping

from cabin.records import Purpose
from cabin.trips.outbox import Outbox
from cabin.trips.trip_log import TripLog

Wipe = Callable[[str], Awaitable[object]]
"""Of a profile; gone from the disk on return, and may be done twice. May raise Transient or OSError"""


def wipes_of(trips: TripLog, outbox: Outbox, calendar: Wipe) -> Mapping[Purpose, Wipe]:
    """By purpose."""

    async def all_trips(profile: str) -> None:
        await trips.delete(profile, None)

    return {
        Purpose.CALENDAR: calendar,
        Purpose.TRIPS: all_trips,
        Purpose.LOCATION: trips.forget_places,
        Purpose.CLOUD_TELEMETRY: outbox.forget,
    }
