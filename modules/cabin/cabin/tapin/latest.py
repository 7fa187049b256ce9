"""What the agent last said, with the moment of each value by the cabin's own clock. Pure; time is an argument.

A tick's `t` is wall time of the same machine, the ages in it are exact, and it is heard `up_ms`. A value was sampled at
`up_ms - (now - t) - age`: what a broker or a full socket held back counts as age, so a late tick is never taken for a
new one. Where the wall clock was set between the two, a tick may seem to come from the future (its delay is then
taken for none) or from long ago (its values are old until the next one, a tenth of a second later).
"""

from collections.abc import Mapping

from cabin.records import AgentStatus, Reading, SignalInfo, Tick

AGENT_SILENT_MS = 3000
"""It publishes at least each second, so it is not there, or the broker is not."""


class Latest:
    """Every signal that was heard of, until the agent says that it taps other ones."""

    def __init__(self) -> None:
        self._readings: dict[str, Reading] = {}
        self._signals: Mapping[str, SignalInfo] = {}
        self._status = AgentStatus(online=False)
        self._heard_up_ms: int | None = None
        self._boot = self._seq = -1
        self.missed = 0
        """ticks that were published and not heard, by their numbers"""

    @property
    def signals(self) -> Mapping[str, SignalInfo]:
        """What the agent taps."""
        return self._signals

    @property
    def readings(self) -> Mapping[str, Reading]:
        """By the signals' names."""
        return self._readings

    def status(self, up_ms: int) -> AgentStatus:
        """The agent's last words, or that it is not there."""
        return self._status if self.is_heard(up_ms) else AgentStatus(online=False)

    def is_heard(self, up_ms: int) -> bool:
        """Whether the agent has lately said anything."""
        return self._heard_up_ms is not None and up_ms - self._heard_up_ms <= AGENT_SILENT_MS

    def heard_age_ms(self, up_ms: int) -> int | None:
        """How long ago the last tick was made; None before the first."""
        return None if self._heard_up_ms is None else max(0, up_ms - self._heard_up_ms)

    def take(self, tick: Tick, *, now_ms: int, up_ms: int) -> None:
        """Take a tick that is heard now; one that comes after a newer one of its boot adds nothing."""
        if tick.boot == self._boot and tick.seq <= self._seq:
            return
        if tick.boot == self._boot:
            self.missed += tick.seq - self._seq - 1
        self._boot, self._seq = tick.boot, tick.seq
        made_up_ms = up_ms - max(0, now_ms - tick.t_ms)
        self._heard_up_ms = max(made_up_ms, self._heard_up_ms or made_up_ms)
        for name, (value, age_ms) in tick.values.items():
            self._readings[name] = Reading(value, made_up_ms - age_ms)

    def reconfigure(self, signals: Mapping[str, SignalInfo]) -> None:
        """Go on with these signals; a value of one that is no longer tapped is forgotten."""
        self._signals = signals
        self._readings = {name: value for name, value in self._readings.items() if name in signals}

    def hear(self, status: AgentStatus) -> None:
        """Take the agent's status, or its will."""
        self._status = status
        if not status.online:
            self._heard_up_ms = None
