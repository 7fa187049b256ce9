"""The window against every order of events; a poison message and a dead hub are told apart."""

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_agent.records import Deferred, EnvelopeKey
from edge_agent.uplink.window import WORN_SENDS, Convicted, Window


def keys(*seqs: int) -> list[EnvelopeKey]:
    return [EnvelopeKey(1, seq) for seq in seqs]


def lose(window: Window) -> dict[int, type]:
    return {key.seq: type(receipt) for key, receipt in window.session_ended("reset", died=True)}


def test_what_is_taken_is_due_once() -> None:
    window = Window(size=4)
    window.take(keys(1, 2))
    assert window.due() == tuple(keys(1, 2))
    assert window.due() == ()
    assert window.in_flight == 2


def test_settling_in_any_order_lets_others_go() -> None:
    window = Window(size=3)
    window.take(keys(1, 2, 3, 4, 5, 6))
    assert window.due() == tuple(keys(1, 2, 3))
    window.acked(EnvelopeKey(1, 2))
    window.refused(EnvelopeKey(1, 3))
    assert window.due() == tuple(keys(4, 5))


def test_sends_are_counted_over_sessions() -> None:
    window = Window()
    for expected in (1, 2, 3):
        window.take(keys(7))
        window.due()
        assert window.sends(EnvelopeKey(1, 7)) == expected
        lose(window)


def test_a_session_that_we_ended_is_held_against_nobody() -> None:
    window = Window()
    for _ in range(10):
        window.take(keys(1))
        window.due()
        assert window.session_ended("stopped", died=False) == ((EnvelopeKey(1, 1), Deferred("stopped")),)
    window.take(keys(1, 2))
    assert window.due() == tuple(keys(1, 2))


def test_one_that_every_session_dies_of_with_nothing_else_left_is_worn_and_never_convicted() -> None:
    window = Window()
    for sends in range(1, WORN_SENDS + 1):
        window.take(keys(1))
        window.due()
        assert lose(window) == {1: Deferred}
        assert window.worn == (sends == WORN_SENDS)
    window.take(keys(1))
    window.due()
    window.acked(EnvelopeKey(1, 1))
    assert window.worn == 0


def test_after_a_death_one_goes_and_each_acknowledgement_lets_one_more_go_beside() -> None:
    window = Window(size=4)
    window.take(keys(1, 2, 3, 4))
    window.due()
    lose(window)
    window.take(keys(*range(5, 21)))
    in_flight: list[EnvelopeKey] = []
    abreast = []
    for _ in range(6):
        in_flight += window.due()
        abreast.append(len(in_flight))
        window.acked(in_flight.pop(0))
    assert abreast == [1, 2, 3, 4, 4, 4]


def test_a_hub_that_takes_and_never_acknowledges_gets_one_from_each_session_but_the_first() -> None:
    window = Window(size=16)
    sent = []
    for session in range(5):
        window.take(keys(*range(100 * session, 100 * session + 16)))
        sent.append(len(window.due()))
        lose(window)
    assert sent == [16, 1, 1, 1, 1]


def test_a_session_that_we_ended_makes_the_next_one_no_slower() -> None:
    window = Window(size=4)
    window.session_ended("55 minutes are over", died=False)
    window.take(keys(1, 2, 3, 4))
    assert len(window.due()) == 4


def test_the_oldest_in_flight_goes_alone_in_the_next_session() -> None:
    window = Window(size=4)
    window.take(keys(1, 2, 3))
    window.due()
    window.acked(EnvelopeKey(1, 1))
    assert lose(window) == {2: Deferred, 3: Deferred}
    window.take(keys(2, 3, 4))
    assert window.reach == 0
    assert window.due() == tuple(keys(3))
    window.acked(EnvelopeKey(1, 3))
    assert window.due() == tuple(keys(4))
    window.acked(EnvelopeKey(1, 4))
    assert window.due() == tuple(keys(2))
    assert window.reach == 0
    window.acked(EnvelopeKey(1, 2))
    assert window.reach == 4


def test_it_is_convicted_when_the_third_session_dies_of_it() -> None:
    window = Window(size=4)
    window.take(keys(1))
    window.due()
    assert lose(window) == {1: Deferred}
    for companion, verdict in ((2, Deferred), (3, Convicted)):
        window.take(keys(1, companion))
        assert window.due() == tuple(keys(companion))
        window.acked(EnvelopeKey(1, companion))
        assert window.due() == tuple(keys(1))
        assert lose(window) == {1: verdict}
    assert window.reach == 4, "nobody waits for it"


def convicted() -> Window:
    """A window that has given envelope 1 away."""
    window = Window(size=4, deaths=1)
    window.take(keys(1))
    window.due()
    assert lose(window) == {1: Convicted}
    return window


def test_a_verdict_says_how_many_sessions_died_and_of_what() -> None:
    window = Window(size=4, deaths=1)
    window.take(keys(1))
    window.due()
    assert window.session_ended("reset", died=True) == ((EnvelopeKey(1, 1), Convicted(1, "reset")),)


def test_a_death_on_trial_is_told_as_one_more() -> None:
    window, poison = Window(size=4), EnvelopeKey(1, 1)
    verdicts = []
    for session in range(5):
        window.take(keys(100 + session))
        window.acked(*window.due())
        if session < 3:
            window.take([poison])
        else:
            window.take_alone(poison)
        assert window.due() == (poison,)
        verdicts += [verdict for _, verdict in window.session_ended("reset", died=True)]
    assert verdicts == [Deferred("reset"), Deferred("reset"), *(Convicted(deaths, "reset") for deaths in (3, 1, 1))]


def test_one_on_trial_goes_when_all_else_is_settled_and_alone() -> None:
    window = convicted()
    window.take(keys(2))
    window.due()
    window.take_alone(EnvelopeKey(1, 1))
    assert (window.reach, window.due()) == (0, ())
    window.acked(EnvelopeKey(1, 2))
    assert window.due() == tuple(keys(1))
    assert window.reach == 0
    assert window.sends(EnvelopeKey(1, 1)) == 2
    window.acked(EnvelopeKey(1, 1))
    assert window.reach == 4


def test_one_death_convicts_what_is_on_trial_where_the_connection_had_acknowledged_something() -> None:
    window = convicted()
    for verdict in (Convicted, Convicted):
        window.take(keys(2))
        window.due()
        window.acked(EnvelopeKey(1, 2))
        window.take_alone(EnvelopeKey(1, 1))
        window.due()
        assert lose(window) == {1: verdict}
    window.take_alone(EnvelopeKey(1, 1))
    window.due()
    assert lose(window) == {1: Deferred}, "this one had not"


@pytest.mark.parametrize("end", ["by us", "withdrawn", "declined"])
def test_a_trial_that_came_to_no_end_holds_up_nobody(end: str) -> None:
    window = convicted()
    window.take_alone(EnvelopeKey(1, 1))
    if end == "withdrawn":
        assert window.withdrawn() == tuple(keys(1))
    else:
        window.due()
        declined = EnvelopeKey(1, 1) if end == "declined" else None
        assert window.session_ended(end, died=declined is not None, not_taken=declined) == (
            (EnvelopeKey(1, 1), Deferred(end)),
        )
    assert window.reach == 4


def test_what_the_hub_declines_lets_all_others_go_first_and_is_never_given_up() -> None:
    window = Window(size=4)
    window.take(keys(1, 2, 3))
    window.due()
    window.acked(EnvelopeKey(1, 1))
    window.session_ended("reason 0x87", died=True, not_taken=EnvelopeKey(1, 3))
    for companion in range(4, 24):
        window.take(keys(3, companion))
        assert window.due() == tuple(keys(companion)), "also not the oldest that was merely in flight"
        window.acked(EnvelopeKey(1, companion))
        assert window.due() == tuple(keys(3))
        receipts = window.session_ended("reason 0x87", died=True, not_taken=EnvelopeKey(1, 3))
        assert receipts == ((EnvelopeKey(1, 3), Deferred("reason 0x87")),)
    window.take(keys(2, 25))
    assert window.due() == tuple(keys(2)), "nothing is held against what was in flight beside it"
    window.acked(EnvelopeKey(1, 2))
    assert window.due() == tuple(keys(25))


def test_a_hub_that_declines_everything_is_asked_with_one_at_a_time() -> None:
    window = Window(size=4)
    window.take(keys(1, 2, 3, 4))
    window.due()
    window.session_ended("quota exceeded", died=True, not_taken=EnvelopeKey(1, 1))
    window.take(keys(1, 2, 3, 4))
    assert len(window.due()) == 1


def test_without_any_acknowledgement_nobody_is_convicted() -> None:
    window = Window(size=4)
    for _ in range(100):
        window.take(keys(1, 2, 3, 4))
        window.due()
        assert set(lose(window).values()) == {Deferred}


def test_the_memory_of_envelopes_that_never_come_back_is_bounded() -> None:
    window = Window(size=16)
    for session in range(200):
        window.take(keys(*range(16 * session, 16 * session + 16)))
        window.due()
        lose(window)
    assert len(window._records) <= 1024


def play_session(window: Window, waiting: list[int], poison: set[int]) -> tuple[set[int], set[int]]:
    """One connection that dies of the first poison it meets; returns who was acknowledged, who convicted."""
    acked, in_flight, died, held = set[int](), list[int](), False, 0
    while not died:
        room = max(0, window.reach - held)
        leased, waiting[:] = waiting[:room], waiting[room:]
        window.take(keys(*leased))
        held += len(leased)
        in_flight += [key.seq for key in window.due()]
        if not in_flight:
            break
        if not (died := in_flight[0] in poison):
            acked.add(in_flight[0])
            window.acked(EnvelopeKey(1, in_flight.pop(0)))
            held -= 1
    receipts = window.session_ended("reset", died=died)
    waiting[:] = sorted([*waiting, *(key.seq for key, receipt in receipts if isinstance(receipt, Deferred))])
    return acked, {key.seq for key, receipt in receipts if isinstance(receipt, Convicted)}


@settings(max_examples=100)
@given(poison=st.sets(st.integers(0, 39), max_size=5), size=st.integers(2, 16))
def test_poison_is_convicted_and_everything_else_is_acknowledged(poison: set[int], size: int) -> None:
    window, waiting = Window(size), list(range(40))
    acked, convicted, session = set[int](), set[int](), 0
    while waiting:
        waiting.append(1000 + session)  # the car goes on making batches, so a connection can prove itself
        now_acked, now_convicted = play_session(window, waiting, poison)
        acked |= now_acked
        convicted |= now_convicted
        session += 1
        assert session <= 3 * len(poison) + 20
    assert convicted == poison
    assert acked >= set(range(40)) - poison


class AnyOrder(RuleBasedStateMachine):
    """Lease, settle, try, lose and stop in any order; the window and a plain account of who died how often agree."""

    def __init__(self) -> None:
        super().__init__()
        self.window = Window(size=4)
        self.next = 0
        self.abreast = 4
        self.proven = False
        self.deaths: Counter[EnvelopeKey] = Counter()
        self.apart: list[EnvelopeKey] = []
        """convicted, and not on trial"""
        self.on_trial: set[EnvelopeKey] = set()
        self.waiting: list[EnvelopeKey] = []
        self.taken: set[EnvelopeKey] = set()
        self.in_flight: list[EnvelopeKey] = []

    @precondition(lambda self: self.window.reach > len(self.taken))
    @rule(fresh=st.integers(0, 4))
    def take(self, fresh: int) -> None:
        self.waiting += keys(*range(self.next, self.next + fresh))
        self.next += fresh
        leased = self.waiting[: self.window.reach - len(self.taken)]
        del self.waiting[: len(leased)]
        self.window.take(leased)
        self.taken.update(leased)

    @rule()
    def send(self) -> None:
        due = self.window.due()
        assert not set(due) & set(self.in_flight)
        self.in_flight += due
        if self.on_trial.intersection(self.in_flight):
            assert len(self.in_flight) == 1, "on trial means alone"

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.in_flight))
        self.in_flight.remove(key)
        self.taken.remove(key)
        self.on_trial.discard(key)
        self.window.acked(key)
        self.abreast, self.proven = min(4, self.abreast + 1), True

    @precondition(lambda self: self.apart and not self.on_trial and self.window.reach)
    @rule()
    def try_alone(self) -> None:
        key = self.apart.pop(0)
        self.window.take_alone(key)
        self.on_trial.add(key)
        self.taken.add(key)
        assert self.window.reach == 0

    @rule()
    def give_back(self) -> None:
        held = self.window.withdrawn()
        assert sorted([*held, *self.in_flight]) == sorted(self.taken)
        self.put_back(held)
        self.taken = set(self.in_flight)

    @rule(died=st.booleans())
    def end(self, died: bool) -> None:
        self.deaths.update(self.in_flight if died else ())
        tried = set(self.on_trial)
        receipts = self.window.session_ended("reset", died=died)
        assert sorted(key for key, _ in receipts) == sorted(self.taken), "each taken one gets one receipt"
        convicted = {key: receipt for key, receipt in receipts if isinstance(receipt, Convicted)}
        assert not convicted or died
        for key, verdict in convicted.items():
            assert key in self.in_flight
            assert self.deaths[key] >= (1 if key in tried else 3), "no one is convicted who was not there"
            assert verdict.deaths == (1 if key in tried else 3)
            assert self.proven, "not by a session that acknowledged nothing"
        self.put_back([key for key, _ in receipts if key not in convicted])
        self.apart += convicted
        self.on_trial -= convicted.keys()
        self.taken.clear()
        self.in_flight.clear()
        self.abreast, self.proven = 1 if died else self.abreast, False

    def put_back(self, keys: Iterable[EnvelopeKey]) -> None:
        """To the spool, or to the quarantine where they came from it."""
        for key in keys:
            (self.apart if key in self.on_trial else self.waiting).append(key)
            self.on_trial.discard(key)
        self.waiting.sort()

    @invariant()
    def holds(self) -> None:
        assert self.window.in_flight == len(self.in_flight)
        assert len(self.in_flight) <= self.abreast, "no faster than acknowledgements come"
        assert len(self.taken - self.on_trial) <= 16
        assert self.window.reach in {0, 4, 16}

    def teardown(self) -> None:
        """Whatever happened, everything taken is sent in the end."""
        while self.taken:
            self.send()
            assert self.in_flight, "something is held for ever"
            key = self.in_flight.pop(0)
            self.taken.remove(key)
            self.window.acked(key)


TestAnyOrder = AnyOrder.TestCase
