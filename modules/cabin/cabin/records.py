"""What travels between the parts of the cabin: immutable, units in the names.

Two clocks: `t_ms` and what ends in `_s` of a calendar is wall time since the Unix epoch; `up_ms` is the cabin's own
monotonic time, by which everything is aged, for the wall clock may be set at any moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Drive(StrEnum):
    """What the vehicle does, as the limits need to know it."""

    PARKED = "parked"
    IDLING = "idling"
    MOVING = "moving"
    UNKNOWN = "unknown"
    """missing, stale or contradictory; has the limits of MOVING"""


class Market(StrEnum):
    """Which limits hold; the integrator chooses, the twin may only make it stricter."""

    STRICT = "strict"
    STANDARD = "standard"


class Answer(StrEnum):
    """To a purpose."""

    YES = "YES"
    NO = "NO"
    NOT_SET = "NOT_SET"
    """counts as NO"""


class Purpose(StrEnum):
    """What the driver may allow; the same words as the agent's rules have."""

    CALENDAR = "calendar"
    TRIPS = "trips"
    LOCATION = "location"
    CLOUD_TELEMETRY = "cloud_telemetry"


@dataclass(frozen=True, slots=True)
class Reading:
    """A signal's last value; number, with the moment it was sampled by the cabin's monotonic clock."""

    value: float
    up_ms: int

    def age_ms(self, now_up_ms: int) -> int:
        """How old it is, never below 0."""
        return max(0, now_up_ms - self.up_ms)


@dataclass(frozen=True, slots=True)
class SignalInfo:
    """What the agent says of a signal it taps."""

    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    labels: Mapping[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """One `tap/v1/tick`, parsed."""

    t_ms: int
    seq: int
    boot: int
    full: bool
    values: Mapping[str, tuple[float, int]]
    """name -> (value, ms before `t_ms` at which it was sampled)"""


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """One `tap/v1/status`, parsed; `online` False is the will, all else missing then."""

    online: bool
    t_ms: int = 0
    link_up: bool = False
    metered: bool | None = None
    roaming: bool | None = None
    spooled_batches: int = 0
    spooled_bytes: int = 0
    delivered_batches: int = 0
    lost_batches: int = 0


@dataclass(frozen=True, slots=True)
class Vehicle:
    """What the drive state, the trips and the tiles read, by role; None is never heard of. Ages are judged by users.

    Units: km/h, %, km, kW (positive discharges), l/h, m/s2, degrees; truths as bool readings' 0/1.
    """

    speed_kmh: Reading | None = None
    in_park: Reading | None = None
    in_neutral: Reading | None = None
    parking_brake: Reading | None = None
    ignition: Reading | None = None
    odometer_km: Reading | None = None
    soc_percent: Reading | None = None
    range_km: Reading | None = None
    pack_power_kw: Reading | None = None
    fuel_rate_l_h: Reading | None = None
    accel_long_ms2: Reading | None = None
    accel_lat_ms2: Reading | None = None
    latitude_deg: Reading | None = None
    longitude_deg: Reading | None = None
    door_open: Reading | None = None
    outside_c: Reading | None = None
    dark: Reading | None = None
    """dipped beam or light sensor: night"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be seen and done now; made by `safety/limits.py` alone."""

    tiles: int | None
    """at most so many; None is all"""
    redraw_ms: int
    plots: bool
    meetings: int | None
    title_chars: int | None
    """of a meeting; 0 shows only "Meeting", None all"""
    people: bool
    """organiser and place"""
    deep_link: bool
    dial: bool
    digits: bool
    """whether the number is shown that is dialled"""
    reminder_every_s: int
    """at most one in so many seconds; 0 is no limit"""
    connectivity_detail: bool
    trip_list: bool
    """list, detail, plots, export, delete"""
    settings: bool
    """consent, profile, language, pairing, sign-in, all text input and long lists"""
    private_mode: bool


@dataclass(frozen=True, slots=True)
class Meeting:
    """One item of a calendar, opened. `start_s`/`end_s` are instants; an all-day item has dates instead.

    `tel` is E.164 (`+` and digits) or empty; `conference_id` digits or empty; never guessed from a body text.
    """

    key: str
    profile: str
    version: int
    start_s: int | None
    end_s: int | None
    first_day: str | None
    """YYYY-MM-DD, all-day; dates of the car's own zone"""
    last_day: str | None
    """YYYY-MM-DD, inclusive"""
    title: str
    place: str = ""
    organiser: str = ""
    tel: str = ""
    conference_id: str = ""
    link: str = ""
    show_as: str = "busy"
    cancelled: bool = False
    private: bool = False

    @property
    def all_day(self) -> bool:
        """Whether it has dates, not instants."""
        return self.first_day is not None


@dataclass(frozen=True, slots=True)
class Tile:
    """One value of the page; `value` None is dashes."""

    id: str
    value: float | None
    unit: str
    age_ms: int | None
    state: str
    """live (<= 1 s), old (<= 3 s, grey), gone (dashes)"""
    label: str | None = None
    """of a value table, where the value has one"""


@dataclass(frozen=True, slots=True)
class TripNow:
    """The three numbers that may be seen while driving; None is not known."""

    km: float | None
    minutes: int
    kwh_per_100km: float | None
    l_per_100km: float | None = None


@dataclass(frozen=True, slots=True)
class TripSummary:
    """A trip that has ended, as it is listed, exported and sent to the cloud. None is not known.

    `energy_source`: `measured` (integral of power or rate), `estimated` (from state of charge) or `` (none).
    `completeness` is the share of the trip's time that was heard, 0..1. `end`: ignition_off, standstill, silence, cut.
    """

    id: str
    profile: str
    start_s: int
    end_s: int
    end: str
    distance_km: float | None
    distance_source: str
    """odometer or speed"""
    speed_distance_km: float | None
    """integral of speed, where it is more than 2 % off the odometer's"""
    moving_s: int
    pause_s: int
    gap_s: int
    energy_kwh: float | None
    fuel_l: float | None
    energy_source: str
    max_speed_kmh: float | None
    harsh_accelerations: int
    harsh_brakes: int
    harsh_corners: int
    harsh_source: str
    """imu, speed or none"""
    start_place: tuple[float, float] | None
    """latitude, longitude in degrees; only with consent for location"""
    end_place: tuple[float, float] | None
    completeness: float


@dataclass(frozen=True, slots=True)
class Connectivity:
    """In a word, and in detail where that may be seen."""

    word: str
    """online, offline, waiting (data on disk, link down), agent_gone"""
    link_up: bool
    spooled_batches: int
    spooled_bytes: int
    delivered_batches: int
    lost_batches: int
    metered: bool | None
    roaming: bool | None


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer of a person to one purpose; a record that is never changed."""

    purpose: Purpose
    answer: Answer
    t_s: int
    profile: str
    text_id: str
    """which text was shown"""
    text_version: int


@dataclass(frozen=True, slots=True)
class Model:
    """Everything there is to show, uncut. It never leaves the process: `safety/redact.py` makes a View of it."""

    t_ms: int
    up_ms: int
    drive: Drive
    market: Market
    tiles: Sequence[Tile]
    connectivity: Connectivity
    meetings: Sequence[Meeting]
    """today and tomorrow, in order, not ended"""
    reminder: Meeting | None
    trip: TripNow | None
    trips: Sequence[TripSummary]
    private_mode: bool
    consent: Mapping[Purpose, Answer]
    profile: str
    profiles: Sequence[str]
    theme: str
    """day or night"""
    language: str
    dialer: str
    """none, idle, dialing, active, failed"""
    dialled_key: str | None
    has_bridge: bool
    """whether there is one to link a calendar by"""
    missing_roles: Sequence[str]
    """roles without which `parked` is never reached, for the first-run check"""
