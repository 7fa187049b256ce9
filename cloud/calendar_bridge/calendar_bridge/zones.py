"""Names of time zones as Exchange writes them: IANA's, Windows', and those of no system. Pure."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import win_tz

_OWN = {"tzone://Microsoft/Utc": "UTC"}
"""`tzone://Microsoft/Custom` means rules that are written nowhere; it has no name here, and so no zone."""


def zone_of(name: str) -> ZoneInfo | None:
    """The zone of that name; None where nobody can say which it is."""
    try:
        return ZoneInfo(_OWN.get(name) or win_tz.get(name) or name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a name that is a folder of the database
        return None
