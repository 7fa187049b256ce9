"""State and market -> what may be seen and done. Pure: one table, and the reasons beside it.

The numbers come from guidelines, not from a homologation: 30 characters and 3 rows are our own limits (JAMA 3.0 has
31 characters of changing text); no video, body or attendee list is ever shipped. `strict` is the default: in the United
Kingdom's regulation 109 a screen the driver sees shows only the vehicle's state, position, road and route, so no title
is shown while moving. Idling is driving: who waits at a light is about to go on.
"""

from dataclasses import replace

from cabin.records import Drive, Limits, Market

TILES_DRIVING = 6
TITLE_CHARS = 30
REMINDER_EVERY_S = 120

_PARKED = Limits(
    tiles=None,
    redraw_ms=100,
    plots=True,
    meetings=None,
    title_chars=None,
    people=True,
    deep_link=True,
    dial=True,
    digits=True,
    reminder_every_s=0,
    connectivity_detail=True,
    trip_list=True,
    settings=True,
    private_mode=True,
)
_IDLING = Limits(
    tiles=TILES_DRIVING,
    redraw_ms=100,
    plots=False,
    meetings=3,
    title_chars=TITLE_CHARS,
    people=False,
    deep_link=False,
    dial=True,
    digits=False,
    reminder_every_s=0,
    connectivity_detail=False,
    trip_list=False,
    settings=False,
    private_mode=True,
)
_MOVING = replace(_IDLING, redraw_ms=500, meetings=1, reminder_every_s=REMINDER_EVERY_S)
_MOVING_STRICT = replace(_MOVING, title_chars=0)

_TABLE = {
    (Drive.PARKED, Market.STANDARD): _PARKED,
    (Drive.PARKED, Market.STRICT): _PARKED,
    (Drive.IDLING, Market.STANDARD): _IDLING,
    (Drive.IDLING, Market.STRICT): _IDLING,
    (Drive.MOVING, Market.STANDARD): _MOVING,
    (Drive.MOVING, Market.STRICT): _MOVING_STRICT,
    (Drive.UNKNOWN, Market.STANDARD): _MOVING,
    (Drive.UNKNOWN, Market.STRICT): _MOVING_STRICT,
}


def limits_of(drive: Drive, market: Market) -> Limits:
    """What holds now."""
    return _TABLE[drive, market]
