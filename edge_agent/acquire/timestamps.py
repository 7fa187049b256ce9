"""Times as logs and adapters write them, decimal text or float seconds, in whole nanoseconds. Pure."""

import math
from decimal import Decimal

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000
MICROSECOND_NS = 1_000


def seconds_ns(text: str) -> int:
    """Nanoseconds of decimal seconds, the nearest where there are finer digits; reads what `float` reads.

    Raises ValueError, OverflowError or ArithmeticError for what is no number, or not finite.
    """
    if text[-7:-6] == ".":  # six digits, as nearly every log has them: half the time of a Decimal
        return int(text.replace(".", "")) * MICROSECOND_NS
    return round(Decimal(text) * SECOND_NS)


def milliseconds_ns(text: str) -> int:
    """Nanoseconds of decimal milliseconds, otherwise as `seconds_ns`."""
    if text[-4:-3] == ".":
        return int(text.replace(".", "")) * MICROSECOND_NS
    return round(Decimal(text) * MILLISECOND_NS)


def since_epoch_ns(seconds: float) -> int:
    """Nanoseconds of float seconds since the epoch: whole microseconds.

    A float64 holds today's time to 0.24 us, so microseconds survive and nanoseconds do not.
    """
    return round(seconds * 1e6) * MICROSECOND_NS


def float_ns(seconds: float) -> int:
    """The nanosecond nearest to float seconds. Raises ValueError or OverflowError for what is not finite.

    A nanosecond count that was made a float64 of seconds comes back the same up to 2**23 s, or 97 days.
    """
    part, whole = math.modf(seconds)
    return int(whole) * SECOND_NS + round(part * 1e9)


def aligned_ns(near_ns: int, own_ns: int, step_ns: int) -> int:
    """The time nearest to `near_ns` that is whole steps from `own_ns`.

    For a sum of which one part is known exactly, the other is whole steps, and the whole only nearly.
    """
    return own_ns + (near_ns - own_ns + step_ns // 2) // step_ns * step_ns
