"""One session's stream: what is settled how, at every kind of end."""

import asyncio
from collections.abc import Sequence

import pytest

from edge_agent.errors import HubUnreachable
from edge_agent.records import ANYTHING, Acked, Deferred, Envelope, EnvelopeKey, Terms
from edge_agent.twin.reported import Reported
from edge_agent.uplink.allowance import Allowance
from edge_agent.uplink.link_counts import LinkCounts
from edge_agent.uplink.stream import Stream
from edge_agent.uplink.window import Window
from tests.uplink.fakes import MemorySpool, Told, envelope
from tests.uplink.virtual_time import LoopClock, in_virtual_time


class Slow:
    """A session that acknowledges batch n after n seconds, and is lost after `lives_s`."""

    def __init__(self, lives_s: float = 1000.0, why: str = "reset", report_s: float = 0.0) -> None:
        self._lives_s, self._why, self._report_s = lives_s, why, report_s
        self.reports: list[str] = []

    async def send(self, envelope: Envelope) -> None:
        await asyncio.sleep(envelope.key.seq)
        if envelope.payload == b"bad":
            raise HubUnreachable("no acknowledgement within 6 s")

    async def report(self, patch: str) -> bool:
        await asyncio.sleep(self._report_s)
        self.reports.append(patch)
        return True

    async def lost(self) -> str:
        await asyncio.sleep(self._lives_s)
        return self._why

    async def close(self) -> None:
        pass


def run(
    session: Slow,
    envelopes: list[Envelope],
    stop_s: float = 1000.0,
    *,
    spool: MemorySpool | None = None,
    reported: Reported | None = None,
    allowance: Allowance | None = None,
    withdrawn: Sequence[int] = (),
) -> tuple[str | None, MemorySpool, LinkCounts]:
    spool = spool or MemorySpool(envelopes)

    async def main() -> tuple[str | None, MemorySpool, LinkCounts]:
        stop, counts, sent = asyncio.Event(), list[LinkCounts](), list[Envelope]()
        once = set(withdrawn)  # a spool drops what was withdrawn; this one offers it again

        def is_withdrawn(key: EnvelopeKey) -> bool:
            found = key.seq in once
            once.discard(key.seq)
            return found

        asyncio.get_running_loop().call_later(stop_s, stop.set)
        stream = Stream(
            session,
            spool,
            Window(),
            reported or Reported(),
            clock=LoopClock(),
            log=Told(),
            count=counts.append,
            drain_s=2.5,
            allowance=allowance or Allowance(),
            sending=sent.append,
            withdrawn=is_withdrawn,
        )
        why = await stream.run(stop, asyncio.Event())
        assert spool.leased == 0
        return why, spool, sum(counts, LinkCounts())

    return in_virtual_time(main())


def seqs(keys: list[EnvelopeKey]) -> list[int]:
    return [key.seq for key in keys]


def test_a_loss_defers_what_has_no_answer_and_keeps_what_has() -> None:
    why, spool, counts = run(Slow(lives_s=3.5), [envelope(seq) for seq in range(1, 7)])
    assert why == "reset"
    assert seqs(spool.keys(Acked)) == [1, 2, 3]
    assert spool.settled[3:] == [(EnvelopeKey(1, seq), Deferred("reset")) for seq in (4, 5, 6)]
    assert counts == LinkCounts(acked=3, acked_bytes=21, uncertain=3)


def test_one_send_without_an_answer_ends_the_session() -> None:
    why, spool, _ = run(Slow(), [envelope(1), envelope(2, payload=b"bad"), envelope(3)])
    assert why == "no acknowledgement within 6 s"
    assert seqs(spool.keys(Acked)) == [1]
    assert seqs(spool.keys(Deferred)) == [2, 3]


def test_what_was_withdrawn_since_it_was_leased_is_not_sent_and_no_verdict_is_passed_on_it() -> None:
    why, spool, counts = run(Slow(lives_s=5), [envelope(seq) for seq in range(1, 4)], withdrawn=[2])
    assert why == "reset"
    assert spool.settled[0] == (EnvelopeKey(1, 2), Deferred("the driver withdrew it"))
    assert seqs(spool.keys(Acked)) == [1, 2, 3]
    assert (counts.refused, counts.uncertain) == (0, 0)


def test_a_stop_waits_for_what_is_in_flight_but_not_for_long() -> None:
    why, spool, counts = run(Slow(), [envelope(1), envelope(3), envelope(60)], stop_s=2.0)
    assert why is None
    assert seqs(spool.keys(Acked)) == [1, 3]
    assert spool.settled[-1] == (EnvelopeKey(1, 60), Deferred("the agent stopped"))
    assert counts.uncertain == 1


@pytest.mark.parametrize("lives_s", [1, 2, 3])
def test_an_acknowledgement_at_the_moment_of_the_loss_still_counts(lives_s: int) -> None:
    _, spool, _ = run(Slow(lives_s=lives_s), [envelope(seq) for seq in range(1, 5)])
    assert seqs(spool.keys(Acked)) == list(range(1, lives_s + 1))
    assert seqs(spool.keys(Deferred)) == list(range(lives_s + 1, 5))


def test_what_is_leased_at_the_moment_of_the_loss_is_given_back() -> None:
    class Late(MemorySpool):
        async def lease(self, limit: int, terms: Terms = ANYTHING) -> tuple[Envelope, ...]:
            await asyncio.sleep(2)  # a disk that answers just when the connection goes
            return await super().lease(limit, terms)

    _, spool, counts = run(Slow(lives_s=2), [], spool=Late([envelope(9)]))
    assert spool.settled == [(EnvelopeKey(1, 9), Deferred("reset"))]
    assert counts.uncertain == 0


def test_an_idle_session_ends_with_its_connection() -> None:
    assert run(Slow(lives_s=100.0, why="keep-alive"), [])[0] == "keep-alive"


@pytest.mark.parametrize(("report_s", "reports"), [(0.0, 1), (2.0, 1), (60.0, 0)])
def test_a_stop_waits_for_the_last_report_but_not_for_long(report_s: float, reports: int) -> None:
    reported = Reported()
    session = Slow(report_s=report_s)

    class Later(MemorySpool):
        """Its last batch is acknowledged just before the stop; then something is said."""

        async def lease(self, limit: int, terms: Terms = ANYTHING) -> tuple[Envelope, ...]:
            await asyncio.sleep(1.5)
            reported.say("health", {"can0": {"seen": 1}})
            return await super().lease(limit, terms)

    reported.due(0)
    why, _, _ = run(session, [], stop_s=1.6, spool=Later([]), reported=reported)

    assert why is None
    assert len(session.reports) == reports
    assert (reported.due(10**12) is None) == (reports == 1)


def test_what_may_no_longer_go_is_given_back_and_what_may_go_comes_instead() -> None:
    allowance = Allowance()
    spool = MemorySpool([envelope(seq, priority=9) for seq in range(30, 70)])

    class Tightening(Slow):
        async def send(self, envelope: Envelope) -> None:
            if envelope.key.seq == 30:
                allowance.allow(Terms(last_priority=4))
                await spool.append([urgent])
            await asyncio.sleep(1)

    urgent = envelope(70, priority=0)
    why, _, counts = run(Tightening(lives_s=100), [], spool=spool, allowance=allowance)

    assert why == "reset"
    assert counts.acked == 17, "those in flight, and the urgent one"
    assert EnvelopeKey(1, 70) in spool.keys(Acked)
    assert spool.pending == 24


def test_a_backlog_that_is_leased_and_waits_for_its_turn_is_given_back_too() -> None:
    allowance = Allowance()

    class Tightening(Slow):
        async def send(self, envelope: Envelope) -> None:
            allowance.allow(Terms(last_priority=4))
            await asyncio.sleep(1 + envelope.priority)

    spool = MemorySpool([envelope(seq, boot=0, priority=9) for seq in range(10)])
    _, _, counts = run(Tightening(lives_s=100), [], spool=spool, allowance=allowance)

    assert (counts.acked, spool.pending) == (1, 9)
