"""What the spool's tests are made of: envelopes with a payload that names them, and a log that listens."""

from dataclasses import dataclass, field

from edge_agent.records import Envelope, EnvelopeKey, Lane, LostRange


def sealed(boot: int, seq: int, priority: int = 3, size: int = 100, *, tells: tuple[LostRange, ...] = ()) -> Envelope:
    """An envelope whose payload is its own name, repeated to `size` bytes."""
    name = f"<{boot}/{seq}>".encode()
    payload = (name * (size // len(name) + 1))[:size]
    return Envelope(
        EnvelopeKey(boot, seq), priority, Lane.WARM, "idle", "columns/1", "application/json", "gzip", payload, tells
    )


def named(lost: tuple[LostRange, ...]) -> list[EnvelopeKey]:
    """Every key that ranges name."""
    return [EnvelopeKey(one.boot, seq) for one in lost for seq in range(one.first_seq, one.last_seq + 1)]


@dataclass
class Ear:
    """A log that remembers (level, event)."""

    heard: list[tuple[str, str]] = field(default_factory=list)

    def debug(self, event: str, **_fields: object) -> None:
        self.heard.append(("debug", event))

    def info(self, event: str, **_fields: object) -> None:
        self.heard.append(("info", event))

    def warning(self, event: str, **_fields: object) -> None:
        self.heard.append(("warning", event))

    def error(self, event: str, **_fields: object) -> None:
        self.heard.append(("error", event))

    def alarms(self) -> list[str]:
        """Events above INFO."""
        return [event for level, event in self.heard if level in {"warning", "error"}]
