"""Inside: drives for ever in time that goes as fast as the disk takes it, and tells outside what must be true later.

`python -m tests.cabin.powercut.driver DATA STATION LIFE`. A second of the drive is over when everything that was put to
the disk in it is there, so what a cut may cost is counted in seconds of the drive, however slow this machine is.
"""

import asyncio
import json
import os
import random
import sys
from pathlib import Path

from cabin.consent.consent import Consent
from cabin.records import Answer, Decision, Purpose, Reading, Vehicle
from cabin.trips.trip_log import TripLog, TripsAllowed
from tests.cabin.silent_log import SilentLog

LIFE_S = 100_000
"""of wall time between two lives: 200 of them are less than the days for which trips are kept"""
NOW_S = 1_000_000_000
ALLOWED = TripsAllowed("p1", trips=True, location=True)


class Station:
    """A file of lines outside, each of which is there when `tell` returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def tell(self, **fields: object) -> None:
        """One fact."""
        self._file.write(json.dumps(fields).encode() + b"\n")
        os.fsync(self._file.fileno())


async def live(data: Path, station: Station, life: int) -> None:
    """Until the power goes."""
    moments, log = random.Random(life), SilentLog()  # noqa: S311  of a drive
    trips, consent = TripLog(data / "trips", log), Consent(data / "consent.jsonl", log, {})
    now_s = NOW_S + life * LIFE_S
    await trips.open(now_ms=now_s * 1000)
    await consent.open()
    station.tell(
        life=life,
        opened=[[trip.id, trip.end, trip.start_s, trip.end_s] for trip in trips.summaries("p1")],
        open_left=(data / "trips" / "open.jsonl").exists(),
        plots=all(trips.plot(trip.id) for trip in trips.summaries("p1")),
        decided=consent.decisions[-1].t_s if consent.decisions else 0,
    )
    up_s = 0
    while True:
        for ignition, kmh, seconds in ((1, 50.0, moments.randint(100, 500)), (1, 0.0, 20), (0, 0.0, 305)):
            for _ in range(seconds):
                up_s += 1
                await _second(trips, Vehicle(_read(kmh, up_s), ignition=_read(ignition, up_s)), now_s, up_s)
                station.tell(life=life, now_s=now_s + up_s, moves=kmh > 0, kept=len(trips.summaries("p1")))
        station.tell(life=life, deciding=now_s + up_s)
        await consent.decide(Decision(Purpose.CALENDAR, Answer.YES, now_s + up_s, "p1", "calendar.en", 1))
        station.tell(life=life, decided=now_s + up_s)


async def _second(trips: TripLog, vehicle: Vehicle, now_s: int, up_s: int) -> None:
    trips.look(vehicle, now_ms=(now_s + up_s) * 1000, up_ms=up_s * 1000, allowed=ALLOWED)
    await trips.plot_of("")  # behind all that was put


def _read(value: float, up_s: int) -> Reading:
    return Reading(value, up_s * 1000)


if __name__ == "__main__":
    data_folder, station_folder, number = sys.argv[1:]
    asyncio.run(live(Path(data_folder), Station(Path(station_folder) / f"{number}.jsonl"), int(number)))
