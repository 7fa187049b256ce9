"""How long to wait before trying again. Pure: randomness and time are arguments."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling delays, jittered by 0.5..1.5, reset only after a healthy spell.

    Jitter keeps a fleet that lost the same tower from coming back in one second.
    """

    first_s: float = 0.2
    cap_s: float = 30.0
    healthy_s: float = 10.0
    """a spell at least this long starts over from `first_s`; one success does not"""

    def delay_s(self, retry_num: int, random_01: float) -> float:
        """Seconds to wait before retry `retry_num` (from 0); `random_01` is uniform in [0, 1)."""
        # 2**30 * 0.2 s is beyond any cap; bounding the exponent keeps a month offline from overflowing.
        return min(self.cap_s, self.first_s * 2.0 ** min(retry_num, 30)) * (0.5 + random_01)

    def next_retry_num(self, retry_num: int, spell_s: float) -> int:
        """Number of the next retry after a connection that lived `spell_s`."""
        return 0 if spell_s >= self.healthy_s else retry_num + 1
