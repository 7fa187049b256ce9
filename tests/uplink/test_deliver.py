"""Delivery over a hub in memory, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from edge_agent.errors import UplinkWedged
from edge_agent.ports import Inbox, Session
from edge_agent.records import Acked, Deferred, EnvelopeKey, Refused
from edge_agent.twin.reported import Reported
from edge_agent.uplink.deliver import UNREACHABLE, Delivery
from tests.uplink.fakes import MemoryHub, MemorySpool, Recorder, Told, envelope
from tests.uplink.virtual_time import LoopClock, in_virtual_time

LIMIT_S = 3600.0


class SleepyClock(LoopClock):
    """One that goes on in a suspend, which the loop's does not."""

    asleep_s = 0.0

    def uptime_ns(self) -> int:
        return super().uptime_ns() + int(self.asleep_s * 1e9)


class Scene:
    """A delivery, running, with all its parts."""

    def __init__(self, count: int = 0, payload: bytes = b"payload") -> None:
        self.log = Told()
        self.hub = MemoryHub(self.log)
        self.spool = MemorySpool([envelope(seq, payload=payload) for seq in range(count)])
        self.stop = asyncio.Event()
        self.clock = SleepyClock()
        self.reported = Reported()
        self.acked: list[EnvelopeKey] = []
        self.withdrawn: set[EnvelopeKey] = set()
        self.is_heard: Callable[[], bool] = lambda: True
        self.delivery = Delivery(
            self.hub,
            self.spool,
            Recorder(self.reported),
            self.reported,
            clock=self.clock,
            random=lambda: 0.5,
            log=self.log,
            acked=self.acked.append,
            withdrawn=self.is_withdrawn,
        )

    def is_withdrawn(self, key: EnvelopeKey) -> bool:
        """Once: a spool drops what was withdrawn, this one offers it again."""
        found = key in self.withdrawn and self.is_heard()
        if found:
            self.withdrawn.discard(key)
        return found

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not reached():  # noqa: ASYNC110  a poll in virtual time costs nothing
                await asyncio.sleep(0.05)

    async def until_delivered(self) -> None:
        await self.until(lambda: not self.spool.pending)


def play(act: Callable[[Scene], Awaitable[None]], count: int = 0, payload: bytes = b"payload") -> Scene:
    """Run a delivery while `act` does something to it; then stop it."""

    async def main() -> Scene:
        scene = Scene(count, payload)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(scene.delivery.run(scene.stop), name="delivery")
            await act(scene)
            scene.stop.set()
            async with asyncio.timeout(LIMIT_S):
                await running
        assert scene.hub.open_sessions == 0
        assert scene.spool.leased == len(scene.delivery.quarantine)
        acked = scene.spool.keys(Acked)
        assert set(acked) <= set(scene.hub.acked), "acked without an acknowledgement"
        assert len(acked) == len(set(acked))
        return scene

    return in_virtual_time(main())


def test_everything_arrives_once_over_a_healthy_link_and_nothing_is_warned_of() -> None:
    scene = play(Scene.until_delivered, count=200)
    assert sorted(each.key.seq for each in scene.hub.arrived) == list(range(200))
    assert scene.delivery.counts.acked == 200
    assert sorted(scene.acked) == sorted(scene.spool.keys(Acked))
    assert scene.delivery.counts.acked_bytes == 200 * len(b"payload")
    assert scene.delivery.counts.uncertain == 0
    assert scene.log.at("warning") + scene.log.at("error") == []


def test_at_most_sixteen_are_in_flight() -> None:
    assert play(Scene.until_delivered, count=100).hub.most_in_flight == 16


def test_what_is_appended_later_is_delivered_too() -> None:
    async def act(scene: Scene) -> None:
        await asyncio.sleep(100)
        await scene.spool.append([envelope(7)])
        await scene.until_delivered()

    assert play(act).spool.settled == [(EnvelopeKey(1, 7), Acked())]


def test_an_attempt_to_connect_is_seen_as_long_as_it_takes() -> None:
    seen: list[tuple[bool, bool]] = []

    async def act(scene: Scene) -> None:
        scene.hub.connect_s = 4.0
        for _ in range(3):
            await asyncio.sleep(3.0)
            seen.append((scene.delivery.connecting, scene.delivery.up))
        scene.hub.unreachable, scene.hub.connect_s = True, 0.0
        scene.hub.drop()
        await asyncio.sleep(60.1)
        seen.append((scene.delivery.connecting, scene.delivery.up))

    play(act)
    assert seen == [(True, False), (False, True), (False, True), (False, False)]


def test_back_off_doubles_to_its_cap_while_nobody_answers() -> None:
    async def act(scene: Scene) -> None:
        scene.hub.unreachable = True
        await asyncio.sleep(120)

    scene = play(act, count=1)
    attempts = scene.hub.attempts
    waits = [round(after - before, 3) for before, after in pairwise(attempts)]
    assert waits[:9] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0]
    assert scene.log.at("warning") == ["uplink.link_down"], "only the first failure of a spell is warned of"
    assert scene.delivery.counts.failures == len(attempts)


def test_refused_credentials_are_tried_again_only_slowly() -> None:
    async def act(scene: Scene) -> None:
        scene.hub.wrong_key = True
        await asyncio.sleep(100)

    scene = play(act, count=1)
    assert scene.hub.attempts == pytest.approx([0, 30, 60, 90])
    assert scene.log.fields("uplink.link_down")[0]["reason"] == (
        "the hub cannot be reached: the key is wrong. Check the module's identity and key at the hub"
    )


def test_back_off_starts_over_after_a_healthy_spell_but_not_after_one_success() -> None:
    async def act(scene: Scene) -> None:
        scene.hub.unreachable = True
        await asyncio.sleep(7)  # five failures
        scene.hub.unreachable = False
        await scene.until(lambda: scene.delivery.up)
        scene.hub.drop()
        await scene.until(lambda: not scene.delivery.up)
        await scene.until(lambda: scene.delivery.up)
        await asyncio.sleep(11)
        scene.hub.drop()
        await asyncio.sleep(1)

    waits = play(act).log.numbers("uplink.link_down", "wait_s")
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 0.2]


def test_what_was_in_flight_when_the_connection_was_lost_is_sent_again() -> None:
    async def act(scene: Scene) -> None:
        scene.hub.ack_s = 1.0
        await scene.until(lambda: scene.delivery.counts.acked == 16)
        await asyncio.sleep(0.5)
        scene.hub.drop()
        await scene.until_delivered()

    scene = play(act, count=40)
    assert len(scene.spool.keys(Deferred)) == 16
    assert scene.delivery.counts.uncertain == 16
    assert len(scene.hub.arrived) == 40 + 16
    assert len(set(scene.spool.keys(Acked))) == 40
    assert sorted(scene.log.numbers("uplink.batch_acked", "attempts")) == [1] * 24 + [2] * 16


def test_a_hub_that_acknowledges_nothing_is_left_and_costs_nothing() -> None:
    async def act(scene: Scene) -> None:
        scene.hub.never_ack = True
        await asyncio.sleep(600)
        assert scene.spool.keys(Acked) == []
        assert scene.delivery.counts.sessions > 10
        scene.hub.never_ack = False
        await scene.until_delivered()

    scene = play(act, count=40)
    assert scene.spool.keys(Refused) == []
    assert len(scene.spool.keys(Acked)) == 40


def test_a_batch_that_ends_three_sessions_waits_apart_and_arrives_when_the_hub_can_take_it() -> None:
    poison = EnvelopeKey(1, 3)

    async def mend_the_hub_later(scene: Scene) -> None:
        scene.hub.poison = {poison}
        await scene.until(lambda: scene.spool.pending == 1)
        assert scene.delivery.quarantine.keys == {poison}
        assert scene.delivery.counts.failures == 3
        scene.hub.poison.clear()
        await scene.spool.append([envelope(200)])
        await scene.until_delivered()
        assert len(scene.delivery.quarantine) == 0

    scene = play(mend_the_hub_later, count=100)
    assert scene.spool.keys(Refused) == []
    assert len(scene.spool.keys(Acked)) == 101
    assert [fields["seq"] for fields in scene.log.fields("uplink.batch_quarantined")] == [3]


def test_the_last_batch_of_all_may_be_given_up_waiting_for_after_some_minutes_and_arrives_all_the_same() -> None:
    poison = EnvelopeKey(1, 9)

    async def wait_for_the_last(scene: Scene) -> None:
        scene.hub.poison = {poison}
        await scene.until(lambda: scene.delivery.hopeless == 1)
        assert asyncio.get_running_loop().time() > 240
        assert scene.spool.pending == 1
        scene.hub.poison.clear()
        await scene.until_delivered()
        assert scene.delivery.hopeless == 0

    scene = play(wait_for_the_last, count=10)
    assert scene.spool.keys(Refused) == []
    assert len(scene.spool.keys(Acked)) == 10


def test_a_batch_that_ends_connections_for_hours_is_refused_and_holds_up_no_other() -> None:
    poison, batches = EnvelopeKey(1, 3), range(100, 100 + 5 * 360)

    async def drive_on_for_five_hours(scene: Scene) -> None:
        scene.hub.poison = {poison}
        for seq in batches:
            await scene.spool.append([envelope(seq)])
            await asyncio.sleep(10.0)
        await scene.until_delivered()

    scene = play(drive_on_for_five_hours, count=100)
    assert scene.spool.keys(Refused) == [poison]
    assert len(scene.spool.keys(Acked)) == 100 + len(batches) - 1
    assert scene.delivery.counts.refused == 1
    assert scene.delivery.counts.failures == 12
    assert scene.log.fields("uplink.batch_refused")[0]["seq"] == 3


def test_a_trial_that_we_broke_off_goes_back_to_where_it_waits() -> None:
    poison = EnvelopeKey(1, 3)

    async def break_off_the_trial(scene: Scene) -> None:
        scene.hub.poison = {poison}
        await scene.until(lambda: scene.spool.pending == 1)
        scene.hub.poison.clear()
        await scene.spool.append([envelope(200)])
        await scene.until(lambda: scene.spool.pending == 1)
        scene.hub.never_ack = True
        await scene.until(lambda: scene.hub.arrived[-1].key == poison)
        await scene.delivery.hush()
        assert scene.delivery.quarantine.keys == {poison}
        broken_off_s = asyncio.get_running_loop().time()
        scene.hub.never_ack = False
        scene.delivery.wake()
        await scene.spool.append([envelope(201)])
        await scene.until_delivered()
        assert asyncio.get_running_loop().time() - broken_off_s > 59

    scene = play(break_off_the_trial, count=10)
    assert scene.spool.keys(Acked)[-1] == poison
    assert [key for key in scene.spool.keys(Deferred) if key == poison] == [poison, poison], "none after the verdict"


def test_what_was_withdrawn_while_it_waited_apart_leaves_at_once_and_not_when_its_trial_comes() -> None:
    poison = EnvelopeKey(1, 3)

    async def withdraw(scene: Scene) -> None:
        scene.hub.poison = {poison}
        await scene.until(lambda: scene.spool.pending == 1)
        apart_s = asyncio.get_running_loop().time()
        scene.hub.poison.clear()
        scene.withdrawn = {poison}
        await scene.spool.append([envelope(200)])
        await scene.until_delivered()
        assert len(scene.delivery.quarantine) == 0
        assert asyncio.get_running_loop().time() - apart_s < 30

    scene = play(withdraw, count=10)
    assert (poison, Deferred("the driver withdrew it")) in scene.spool.settled


def test_what_was_withdrawn_while_its_trial_waited_for_others_is_not_sent_and_waits_no_longer() -> None:
    poison = EnvelopeKey(1, 3)

    async def withdraw(scene: Scene) -> None:
        scene.hub.poison = {poison}
        await scene.until(lambda: scene.spool.pending == 1)
        await asyncio.sleep(61.0)  # it is due, on a connection that has not proven itself
        scene.hub.poison.clear()
        scene.withdrawn = {poison}
        scene.is_heard = lambda: EnvelopeKey(1, 201) in scene.acked
        await scene.spool.append([envelope(200), envelope(201)])
        await scene.until_delivered()
        assert len(scene.delivery.quarantine) == 0

    scene = play(withdraw, count=10)
    assert (poison, Deferred("the driver withdrew it")) in scene.spool.settled


def test_what_waits_apart_comes_back_with_the_next_start() -> None:
    """It is leased all the while, and settled by nobody."""
    poison = EnvelopeKey(1, 3)

    async def act(scene: Scene) -> None:
        scene.hub.poison = {poison}
        await scene.until(lambda: scene.spool.pending == 1)

    scene = play(act, count=10)
    assert scene.spool.leased == 1
    assert scene.spool.keys(Refused) == []


def test_a_batch_that_the_hub_declines_holds_up_no_other_and_arrives_once_it_is_taken() -> None:
    async def mend_the_list_later(scene: Scene) -> None:
        scene.hub.declined = {EnvelopeKey(1, 3), EnvelopeKey(1, 4)}
        for seq in range(100, 200):  # the car goes on making batches, so that connections prove themselves
            await scene.spool.append([envelope(seq)])
            await asyncio.sleep(2.0)
        await scene.until(lambda: scene.spool.pending == 2)
        scene.hub.declined.clear()
        await scene.until_delivered()

    scene = play(mend_the_list_later, count=40)
    assert scene.spool.keys(Refused) == []
    assert len(scene.spool.keys(Acked)) == 140


def test_a_batch_that_is_too_big_is_refused_and_the_session_goes_on() -> None:
    async def act(scene: Scene) -> None:
        await scene.spool.append([envelope(1, payload=bytes(MemoryHub.cap_bytes + 1)), envelope(2)])
        await scene.until_delivered()

    scene = play(act)
    assert scene.spool.keys(Refused) == [EnvelopeKey(1, 1)]
    assert scene.spool.keys(Acked) == [EnvelopeKey(1, 2)]
    assert scene.delivery.counts.sessions == 1


def test_a_stop_lets_what_is_in_flight_settle_and_takes_no_more() -> None:
    async def act(scene: Scene) -> None:
        scene.hub.ack_s = 1.0
        await scene.until(lambda: len(scene.hub.arrived) == 16)

    scene = play(act, count=40)
    assert len(scene.spool.keys(Acked)) == 16
    assert len(scene.hub.arrived) == 16
    assert scene.spool.pending == 24
    assert scene.log.at("info")[-1] == "uplink.link_closed"


@pytest.mark.parametrize("trouble", ["never acknowledged", "connecting", "backing off"])
def test_a_stop_is_answered_within_three_seconds_whatever_goes_on(trouble: str) -> None:
    async def main() -> float:
        scene = Scene(20)
        scene.hub.never_ack = trouble == "never acknowledged"
        scene.hub.unreachable = trouble == "backing off"
        scene.hub.connect_s = 100.0 if trouble == "connecting" else 0.0
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(scene.delivery.run(scene.stop), name="delivery")
            await asyncio.sleep(4)
            scene.stop.set()
            asked_s = loop.time()
            await running
        assert scene.spool.keys(Acked) == []
        assert scene.spool.pending == 20
        assert scene.spool.leased == 0
        return loop.time() - asked_s

    assert in_virtual_time(main()) <= 3


def test_a_stop_before_the_start_connects_to_nothing() -> None:
    async def main() -> MemoryHub:
        scene = Scene(1)
        scene.stop.set()
        await scene.delivery.run(scene.stop)
        return scene.hub

    assert in_virtual_time(main()).attempts == []


def test_a_wedged_uplink_ends_the_agent() -> None:
    class Wedged:
        async def connect(self, inbox: Inbox) -> Session:  # noqa: ARG002  the port has it
            raise UplinkWedged(4)

    async def main() -> None:
        delivery = Delivery(
            Wedged(), MemorySpool(), Recorder(), Reported(), clock=LoopClock(), random=lambda: 0.5, log=Told()
        )
        await delivery.run(asyncio.Event())

    with pytest.raises(ExceptionGroup) as caught:
        in_virtual_time(main())
    assert caught.group_contains(UplinkWedged)


# --- suspend and resume ---------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["none", "never acknowledged", "connecting", "backing off"])
def test_after_a_suspend_a_new_connection_publishes_within_two_seconds_whatever_went_on(trouble: str) -> None:
    async def act(scene: Scene) -> None:
        scene.hub.never_ack = trouble == "never acknowledged"
        scene.hub.unreachable = trouble == "backing off"
        scene.hub.connect_s = 100.0 if trouble == "connecting" else 0.0
        await asyncio.sleep(61.5 if trouble == "backing off" else 4)  # just after an attempt
        attempts = len(scene.hub.attempts)
        scene.clock.asleep_s = 3600.0
        scene.hub.never_ack = scene.hub.unreachable = False
        scene.hub.connect_s = 0.1
        await scene.spool.append([envelope(100)])
        resumed_s = asyncio.get_running_loop().time()
        await scene.until_delivered()
        assert asyncio.get_running_loop().time() - resumed_s < 2
        assert len(scene.hub.attempts) == attempts + 1

    scene = play(act, count=20)
    assert scene.log.numbers("uplink.resumed", "suspended_s") == [3600.0]
    assert len(scene.spool.keys(Acked)) == 21
    assert scene.spool.keys(Refused) == []


def test_a_connection_that_looks_alive_is_given_up_after_a_suspend_and_is_no_failure() -> None:
    async def act(scene: Scene) -> None:
        await scene.until(lambda: scene.delivery.up)
        scene.clock.asleep_s = 2.5
        await asyncio.sleep(10)

    scene = play(act)
    assert scene.delivery.counts.sessions == 2
    assert scene.delivery.counts.failures == 0
    assert scene.log.at("warning") == []


def test_back_off_starts_over_after_a_suspend_though_nobody_answers_yet() -> None:
    async def act(scene: Scene) -> None:
        scene.hub.unreachable = True
        await asyncio.sleep(60)
        scene.clock.asleep_s = 3600.0
        await asyncio.sleep(3)

    waits = play(act).log.numbers("uplink.link_down", "wait_s")
    assert waits[-5:] == [5.0, 0.2, 0.4, 0.8, 1.6]


def test_suspends_hold_nothing_against_what_was_in_flight() -> None:
    async def act(scene: Scene) -> None:
        scene.hub.never_ack = True
        for number in range(1, 9):
            await asyncio.sleep(4)
            scene.clock.asleep_s = 3600.0 * number
        scene.hub.never_ack = False
        await scene.until_delivered()

    scene = play(act, count=1)
    assert scene.spool.keys(Refused) == []
    assert scene.delivery.counts.uncertain == 8


# --- a connection that lasts ----------------------------------------------------------------------


def test_a_connection_is_replaced_in_order_before_its_token_would_end_and_nobody_is_alarmed() -> None:
    async def act(scene: Scene) -> None:
        scene.hub.ack_s = 0.3
        for number in range(4 * 360):
            await scene.spool.append([envelope(number)])
            await asyncio.sleep(10)
        await scene.until_delivered()

    scene = play(act)
    assert scene.delivery.counts.sessions == 5
    assert scene.delivery.counts.uncertain == scene.delivery.counts.failures == 0
    assert len(scene.hub.arrived) == 4 * 360
    assert scene.log.at("warning") == []


# --- quiet ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["none", "never acknowledged", "connecting", "backing off"])
def test_a_hush_ends_the_connection_in_order_and_soon_and_no_other_is_made_until_it_wakes(trouble: str) -> None:
    async def act(scene: Scene) -> None:
        loop = asyncio.get_running_loop()
        scene.hub.never_ack = trouble == "never acknowledged"
        scene.hub.unreachable = trouble == "backing off"
        scene.hub.connect_s = 100.0 if trouble == "connecting" else 0.0
        await asyncio.sleep(4)
        began_s = loop.time()
        scene.reported.say("power", {"state": "quiet"})
        await scene.delivery.hush()
        assert loop.time() - began_s <= 3
        attempts, arrived = len(scene.hub.attempts), len(scene.hub.arrived)
        assert scene.hub.open_sessions == 0
        assert scene.hub.reported.get("power") == (
            {"state": "quiet"} if trouble in ("none", "never acknowledged") else None
        )
        scene.hub.never_ack = scene.hub.unreachable = False
        scene.hub.connect_s = 0.0
        scene.clock.asleep_s = 3600.0  # a suspend connects nobody who is to be quiet
        await scene.spool.append([envelope(100)])
        await asyncio.sleep(1000)
        assert (len(scene.hub.attempts), len(scene.hub.arrived)) == (attempts, arrived)
        scene.delivery.wake()
        await asyncio.sleep(0.1)
        assert len(scene.hub.attempts) == attempts + 1
        await scene.until_delivered()

    scene = play(act, count=20)
    assert len(scene.spool.keys(Acked)) == 21


def test_a_wake_that_nobody_needs_changes_nothing_and_a_second_hush_returns_at_once() -> None:
    async def act(scene: Scene) -> None:
        await scene.until(lambda: scene.delivery.up)
        scene.delivery.wake()
        for _ in range(3):
            await scene.delivery.hush()
            await scene.delivery.hush()
            await asyncio.sleep(10)
            assert not scene.delivery.up
            scene.delivery.wake()
            await scene.until(lambda: scene.delivery.up)

    assert play(act).delivery.counts.sessions == 4


def test_who_wakes_during_a_hush_does_not_shorten_the_next_one() -> None:
    async def act(scene: Scene) -> None:
        scene.hub.never_ack = True
        await scene.until(lambda: scene.hub.most_in_flight > 0)
        async with asyncio.TaskGroup() as group:
            group.create_task(scene.delivery.hush(), name="hush")
            await asyncio.sleep(1)
            scene.delivery.wake()
        scene.hub.never_ack = False
        await scene.until(lambda: scene.delivery.up)
        await scene.delivery.hush()
        assert scene.hub.open_sessions == 0
        scene.delivery.wake()
        await scene.until_delivered()

    play(act, count=1)


def test_a_stop_while_quiet_ends_at_once() -> None:
    async def main() -> float:
        scene = Scene(20)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(scene.delivery.run(scene.stop), name="delivery")
            await scene.delivery.hush()
            await asyncio.sleep(100)
            stopped_s = asyncio.get_running_loop().time()
            scene.stop.set()
            await running
            return asyncio.get_running_loop().time() - stopped_s

    assert in_virtual_time(main()) == 0


# --- reported properties --------------------------------------------------------------------------


def said(scene: Scene) -> list[tuple[int, dict[str, object]]]:
    """When the sections were reported, in whole seconds."""
    return [(round(when), patch) for when, patch in scene.hub.reports if "documents" not in patch]


def test_a_section_is_reported_once_connected_and_what_changes_each_minute() -> None:
    async def act(scene: Scene) -> None:
        scene.reported.say("health", {"can0": {"seen": 0, "state": "error_active"}})
        for second in range(1, 131):
            await asyncio.sleep(1)
            scene.reported.say("health", {"can0": {"seen": second, "state": "error_active"}})

    scene = play(act)

    assert said(scene)[0] == (0, {"health": {"can0": {"seen": 0, "state": "error_active"}}})
    assert [when for when, _ in said(scene)] == pytest.approx([0, 60, 120, 130], abs=1)
    assert said(scene)[1][1].keys() == {"health"}
    assert said(scene)[-1][1] == {"health": {"can0": {"seen": 130}}}, "a stop reports what there is"


def test_what_is_needed_soon_does_not_wait_for_the_minute() -> None:
    async def act(scene: Scene) -> None:
        scene.reported.say("health", {"can0": {"state": "error_active"}})
        await asyncio.sleep(19.5)
        scene.reported.say("health", {"can0": {"state": "bus_off"}}, soon=True)
        await asyncio.sleep(20)

    assert said(play(act)) == [
        (0, {"health": {"can0": {"state": "error_active"}}}),
        (20, {"health": {"can0": {"state": "bus_off"}}}),
    ]


def test_a_new_connection_is_told_everything_anew() -> None:
    async def act(scene: Scene) -> None:
        scene.reported.say("health", {"can0": {"seen": 1}})
        await asyncio.sleep(15)
        scene.hub.drop()
        await asyncio.sleep(5)

    scene = play(act)

    assert [patch for _, patch in said(scene)] == [{"health": {"can0": {"seen": 1}}}] * 2
    assert scene.delivery.counts.sessions == 2


def test_a_refused_report_is_made_again() -> None:
    async def act(scene: Scene) -> None:
        await scene.until(lambda: scene.delivery.up)
        scene.hub.refuses_reports = True
        scene.reported.say("health", {"can0": {"seen": 1}})
        await asyncio.sleep(50)
        scene.hub.refuses_reports = False
        await asyncio.sleep(50)

    scene = play(act)

    assert [patch for _, patch in said(scene)] == [{"health": {"can0": {"seen": 1}}}] * 2
    assert scene.hub.reported["health"] == {"can0": {"seen": 1}}


def test_a_report_that_finds_the_connection_gone_ends_the_session_and_is_not_lost() -> None:
    async def act(scene: Scene) -> None:
        await scene.until(lambda: scene.delivery.up)
        assert scene.hub.session is not None
        scene.hub.session.break_silently("reset")
        scene.reported.say("health", {"can0": {"seen": 1}})
        await asyncio.sleep(10)

    scene = play(act)

    assert scene.hub.reported["health"] == {"can0": {"seen": 1}}
    assert scene.log.fields("uplink.link_down")[0]["reason"] == "reset"


@pytest.mark.timeout(60)
def test_a_day_with_a_lost_connection_each_minute_loses_nothing_and_repeats_only_what_was_on_its_way() -> None:
    day_s = 86_400

    async def act(scene: Scene) -> None:
        scene.hub.ack_s = 0.3
        scene.hub.connect_s = 0.5
        await scene.spool.append([envelope(seq, boot=0) for seq in range(2_000)])
        for minute in range(day_s // 60):
            await scene.spool.append([envelope(6 * minute + number) for number in range(6)])
            await asyncio.sleep(0.15)  # half of an acknowledgement's time
            scene.hub.unreachable = minute % 60 < 10  # a tunnel each hour
            scene.hub.drop()
            await asyncio.sleep(60)
        await scene.until_delivered()

    scene = play(act)
    arrived = [one.key for one in scene.hub.arrived]
    acked = scene.spool.keys(Acked)
    assert len(acked) == len(set(acked)) == 2_000 + 6 * day_s // 60
    assert set(arrived) == set(acked)
    assert 0 < len(arrived) - len(acked) <= scene.delivery.counts.uncertain <= 6 * day_s // 60 + 16
    assert max(scene.log.numbers("uplink.link_down", "wait_s")) <= 1.5 * UNREACHABLE.cap_s
    assert scene.spool.keys(Refused) == []
