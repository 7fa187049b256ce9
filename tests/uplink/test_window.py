"""The window against every order of events; a poison message and a dead hub are told apart."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_agent.records import Deferred, EnvelopeKey, Refused
from edge_agent.uplink.window import Window


def keys(*seqs: int) -> list[EnvelopeKey]:
    return [EnvelopeKey(1, seq) for seq in seqs]


def lose(window: Window) -> dict[int, type]:
    return {key.seq: type(receipt) for key, receipt in window.session_ended("reset", died=True)}


def test_what_is_taken_is_due_once() -> None:
    window = Window(size=4)
    window.take(keys(1, 2))
    assert window.due() == tuple(keys(1, 2))
    assert window.due() == ()
    assert (window.in_flight, window.room) == (2, 2)


def test_settling_in_any_order_makes_room() -> None:
    window = Window(size=3)
    window.take(keys(1, 2, 3))
    window.due()
    assert window.room == 0
    window.acked(EnvelopeKey(1, 2))
    window.refused(EnvelopeKey(1, 3))
    assert window.room == 2


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


def test_the_oldest_in_flight_goes_alone_in_the_next_session() -> None:
    window = Window(size=4)
    window.take(keys(1, 2, 3))
    window.due()
    window.acked(EnvelopeKey(1, 1))
    assert lose(window) == {2: Deferred, 3: Deferred}
    window.take(keys(2, 3, 4))
    assert window.room == 0
    assert window.due() == tuple(keys(3, 4))
    window.acked(EnvelopeKey(1, 3))
    assert window.due() == ()
    window.acked(EnvelopeKey(1, 4))
    assert window.due() == tuple(keys(2))
    assert window.room == 0
    window.acked(EnvelopeKey(1, 2))
    assert window.room == 4


def test_it_is_refused_when_the_third_session_dies_of_it() -> None:
    window = Window(size=4)
    window.take(keys(1))
    window.due()
    assert lose(window) == {1: Deferred}
    for companion, verdict in ((2, Deferred), (3, Refused)):
        window.take(keys(1, companion))
        assert window.due() == tuple(keys(companion))
        window.acked(EnvelopeKey(1, companion))
        assert window.due() == tuple(keys(1))
        assert lose(window) == {1: verdict}
    window.take(keys(1))
    assert window.sends(EnvelopeKey(1, 1)) == 0, "nothing is remembered of what was refused"


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
    assert window.due() == tuple(keys(2, 25)), "nothing is held against what was in flight beside it"


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
    """One connection that dies of the first poison it meets; returns who was acknowledged, who refused."""
    acked, in_flight, died = set[int](), list[int](), False
    while not died:
        leased, waiting[:] = waiting[: window.room], waiting[window.room :]
        window.take(keys(*leased))
        in_flight += [key.seq for key in window.due()]
        if not in_flight:
            break
        if not (died := in_flight[0] in poison):
            acked.add(in_flight[0])
            window.acked(EnvelopeKey(1, in_flight.pop(0)))
    receipts = window.session_ended("reset", died=died)
    waiting[:] = sorted([*waiting, *(key.seq for key, receipt in receipts if isinstance(receipt, Deferred))])
    return acked, {key.seq for key, receipt in receipts if isinstance(receipt, Refused)}


@settings(max_examples=100)
@given(poison=st.sets(st.integers(0, 39), max_size=5), size=st.integers(2, 16))
def test_poison_is_refused_and_everything_else_is_acknowledged(poison: set[int], size: int) -> None:
    window, waiting = Window(size), list(range(40))
    acked, refused, session = set[int](), set[int](), 0
    while waiting:
        waiting.append(1000 + session)  # the car goes on making batches, so a connection can prove itself
        now_acked, now_refused = play_session(window, waiting, poison)
        acked |= now_acked
        refused |= now_refused
        session += 1
        assert session <= 3 * len(poison) + 20
    assert refused == poison
    assert acked >= set(range(40)) - poison


class AnyOrder(RuleBasedStateMachine):
    """Lease, settle, lose and stop in any order; the window and a plain set agree."""

    def __init__(self) -> None:
        super().__init__()
        self.window = Window(size=4)
        self.next = 0
        self.waiting: list[EnvelopeKey] = []
        self.taken: set[EnvelopeKey] = set()
        self.in_flight: list[EnvelopeKey] = []

    @precondition(lambda self: self.window.room > 0)
    @rule(fresh=st.integers(0, 4))
    def take(self, fresh: int) -> None:
        self.waiting += keys(*range(self.next, self.next + fresh))
        self.next += fresh
        leased = self.waiting[: self.window.room]
        del self.waiting[: len(leased)]
        self.window.take(leased)
        self.taken.update(leased)

    @rule()
    def send(self) -> None:
        due = self.window.due()
        assert not set(due) & set(self.in_flight)
        self.in_flight += due

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.in_flight))
        self.in_flight.remove(key)
        self.taken.remove(key)
        self.window.acked(key)

    @rule(died=st.booleans())
    def end(self, died: bool) -> None:
        receipts = self.window.session_ended("reset", died=died)
        assert sorted(key for key, _ in receipts) == sorted(self.taken), "each taken one gets one receipt"
        assert died or all(isinstance(receipt, Deferred) for _, receipt in receipts)
        self.waiting += [key for key, receipt in receipts if isinstance(receipt, Deferred)]
        self.waiting.sort()
        self.taken.clear()
        self.in_flight.clear()

    @invariant()
    def holds(self) -> None:
        assert self.window.in_flight == len(self.in_flight)
        assert len(self.in_flight) <= 4
        assert self.window.room >= 0
        assert len(self.taken) + self.window.room <= 16

    def teardown(self) -> None:
        """Whatever happened, everything taken is sent in the end."""
        while self.taken:
            self.send()
            assert self.in_flight, "something is held for ever"
            key = self.in_flight.pop(0)
            self.taken.remove(key)
            self.window.acked(key)


TestAnyOrder = AnyOrder.TestCase
