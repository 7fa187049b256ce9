"""Whether the agent makes progress: what each stage has done, judged by how long it has stood still at work. Pure.

What a restart cannot mend is no reason: a link that is down, silent buses, a spent budget, a disk that takes nothing.
Time in which nobody looked does not count, so that neither a suspended system nor a starved process looks wedged.
"""

from collections.abc import Iterator
from dataclasses import dataclass

LOOK_S = 1.0
"""how often somebody should look"""
STANDSTILL_S = 30.0
"""Blocks come each second, also on a silent bus; a group commit adds its own time."""
UNANSWERED_S = 45.0
"""A connection gives up a message after a fraction of this."""
CONNECTING_S = 90.0
"""One attempt to connect has limits for each of its steps, about 40 s together."""
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Progress:
    """What was done since the start, and what there is to do now."""

    blocks: int
    """acquired; empty ones too"""
    expects_blocks: bool
    """False for a recording, and for buses that are no longer read"""
    sifted: int
    unsifted: int
    """blocks"""
    sealed: int
    committed: int
    """batches that the spool has taken, to disk or to memory"""
    answered: int
    """batches that the hub acknowledged or refused"""
    attempts: int
    """connections made, lost or not to be had"""
    link_up: bool
    connecting: bool
    sendable: bool
    """some batch waits that may be sent now"""
    on_disk: bool = True
    """False while memory holds what the disk does not take"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Healthy or not, in one sentence."""

    healthy: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class _Duty:
    """What one stage has to do: while it is `due`, `done` must change within the limit."""

    due: bool
    done: tuple[int, ...]
    limit_s: float
    sentence: str


class Watch:
    """Looks at one progress after another."""

    def __init__(self, commit_s: float) -> None:
        """A sealed batch may wait `commit_s` for others of its commit."""
        self._commit_s = commit_s
        self._duties: dict[str, _Duty] = {}
        self._stood_ns: dict[str, int] = {}
        self._looked_ns: int | None = None
        self._progress: Progress | None = None

    def look(self, progress: Progress, uptime_ns: int) -> None:
        """Take in how far things are at this time."""
        last_ns = uptime_ns if self._looked_ns is None else self._looked_ns
        passed_ns = min(uptime_ns - last_ns, int(2 * LOOK_S * _NS))
        for stage, duty in _duties(progress, self._commit_s):
            before = self._duties.get(stage)
            stands = before is not None and before.due and duty.due and before.done == duty.done
            self._stood_ns[stage] = self._stood_ns[stage] + passed_ns if stands else 0
            self._duties[stage] = duty
        self._looked_ns, self._progress = uptime_ns, progress

    @property
    def verdict(self) -> Verdict:
        """As of the last look; the stage nearest to the hub is named, for those before it wait for it."""
        for stage, duty in reversed(self._duties.items()):
            stood_s = self._stood_ns[stage] / _NS
            if stood_s >= duty.limit_s:
                return Verdict(healthy=False, sentence=f"{stage} stands still for {stood_s:.0f} s: {duty.sentence}")
        return Verdict(healthy=True, sentence=_well(self._progress))


def _duties(progress: Progress, commit_s: float) -> Iterator[tuple[str, _Duty]]:
    """Each stage's, in the order of the journey."""
    yield (
        "acquire",
        _Duty(
            progress.expects_blocks, (progress.blocks,), STANDSTILL_S, "no block of frames came, not even an empty one"
        ),
    )
    yield (
        "sift",
        _Duty(progress.unsifted > 0, (progress.sifted,), STANDSTILL_S, "blocks of frames wait to be decoded"),
    )
    yield (
        "spool",
        _Duty(
            progress.sealed > progress.committed,
            (progress.committed,),
            STANDSTILL_S + commit_s,
            "sealed batches wait to be committed",
        ),
    )
    yield (
        "uplink",
        _Duty(
            progress.link_up and progress.sendable,
            (progress.answered, progress.attempts),
            UNANSWERED_S,
            "the link is up, batches wait, and none was acknowledged",
        ),
    )
    yield (
        "uplink.connect",
        _Duty(
            progress.connecting,
            (progress.attempts,),
            CONNECTING_S,
            "one attempt to connect came to no end",
        ),
    )


def _well(progress: Progress | None) -> str:
    if progress is None:
        return "starting"
    remarks = [
        *([] if progress.link_up else ["offline: what is kept waits on disk"]),
        *([] if progress.on_disk else ["degraded: the disk takes nothing, the agent runs from memory"]),
    ]
    return "; ".join(["every stage makes progress", *remarks])
