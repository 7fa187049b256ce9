"""When the agent is quiet: whatever is heard, asked and sent, and however late one looks."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.power.quiet import ALL, NOTHING, PowerState, Quiet, QuietAsked

SECOND_NS = 1_000_000_000
AWAKE, SENDING, QUIET = PowerState
ASKED = QuietAsked(0, 5 * SECOND_NS, 20 * SECOND_NS, 2)


def following(asked: QuietAsked = ASKED) -> Quiet:
    quiet = Quiet()
    quiet.follow(asked)
    return quiet


def told(quiet: Quiet) -> tuple[PowerState, str, int | None]:
    return quiet.state, quiet.by, quiet.next_ns


def test_it_is_awake_at_the_start_and_everything_may_be_sent() -> None:
    assert (Quiet().state, Quiet().last_priority, Quiet().next_ns) == (AWAKE, ALL, None)


def test_a_signal_asks_at_once_and_what_is_urgent_has_its_time() -> None:
    quiet = following()
    quiet.ask(7)
    assert (quiet.state, quiet.last_priority, quiet.next_ns) == (SENDING, 2, 7 + 20 * SECOND_NS)
    quiet.due(6 + 20 * SECOND_NS)
    assert quiet.state is SENDING
    quiet.due(7 + 20 * SECOND_NS)
    assert (quiet.state, quiet.last_priority, quiet.by) == (QUIET, NOTHING, "limit")


def test_with_nothing_urgent_left_it_does_not_wait_for_the_time() -> None:
    quiet = following()
    quiet.ask(0)
    quiet.sent()
    assert (quiet.state, quiet.by, quiet.next_ns) == (QUIET, "sent", None)


def test_nothing_urgent_left_makes_nobody_quiet_who_was_not_asked() -> None:
    quiet = following()
    quiet.sent()
    assert quiet.state is AWAKE


def test_a_condition_asks_once_it_was_true_for_long_enough_without_a_break() -> None:
    quiet = following()
    assert quiet.hear(0, is_true=True)
    assert quiet.next_ns == 5 * SECOND_NS
    quiet.hear(4 * SECOND_NS, is_true=False)
    assert told(quiet) == (AWAKE, "start", None)
    quiet.hear(6 * SECOND_NS, is_true=True)
    quiet.due(10 * SECOND_NS)
    assert quiet.state is AWAKE
    assert not quiet.hear(10 * SECOND_NS, is_true=True)
    quiet.due(11 * SECOND_NS)
    assert (quiet.state, quiet.by) == (SENDING, "condition")


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_condition_that_is_no_longer_true_wakes_at_once(is_sent: bool) -> None:
    quiet = following(QuietAsked(0, after_ns=0))
    quiet.hear(0, is_true=True)
    if is_sent:
        quiet.sent()
    quiet.hear(1, is_true=False)
    assert (quiet.state, quiet.by, quiet.next_ns) == (AWAKE, "condition", None)


def test_the_last_word_counts() -> None:
    quiet = following(QuietAsked(0, after_ns=0))
    quiet.hear(0, is_true=True)
    quiet.wake()
    assert (quiet.state, quiet.by) == (AWAKE, "signal")
    quiet.hear(1, is_true=True)
    assert quiet.state is AWAKE, "the condition has said nothing new"
    quiet.ask(2)
    assert quiet.state is SENDING
    quiet.hear(3, is_true=False)
    assert quiet.state is AWAKE, "the condition's end wakes from a quiet that a signal asked for"


def test_a_wake_ends_the_time_that_a_condition_has_to_be_true() -> None:
    quiet = following()
    quiet.hear(0, is_true=True)
    quiet.wake()
    quiet.due(100 * SECOND_NS)
    assert quiet.state is AWAKE


def test_without_time_to_send_it_is_quiet_at_once() -> None:
    quiet = following(QuietAsked(send_ns=0))
    quiet.ask(5)
    assert quiet.state is QUIET


@dataclass(frozen=True)
class Heard:
    wait_ns: int
    what: str


class Watched:
    """Driven as its shell does it; watches each turn."""

    def __init__(self, send_s: int) -> None:
        self.send_ns = send_s * SECOND_NS
        self.quiet = following(QuietAsked(0, 5 * SECOND_NS, self.send_ns, 3))
        self.now_ns = self.began_ns = 0

    def pass_time(self, until_ns: int) -> None:
        """`due` is called at each deadline, as it comes."""
        while self.quiet.next_ns is not None and self.quiet.next_ns <= until_ns:
            self.now_ns = self.quiet.next_ns
            self.act("due")
            assert self.quiet.next_ns is None or self.quiet.next_ns > self.now_ns, "it would spin"
        self.now_ns = until_ns

    def act(self, what: str) -> None:
        before, now_ns = self.quiet.state, self.now_ns
        acts: dict[str, Callable[[], object]] = {
            "ask": lambda: self.quiet.ask(now_ns),
            "wake": self.quiet.wake,
            "true": lambda: self.quiet.hear(now_ns, is_true=True),
            "false": lambda: self.quiet.hear(now_ns, is_true=False),
            "sent": self.quiet.sent,
            "due": lambda: self.quiet.due(now_ns),
            "follow": lambda: self.quiet.follow(QuietAsked(0, SECOND_NS, self.send_ns, 3)),
        }
        acts[what]()
        if before is AWAKE and self.quiet.state is not AWAKE:
            self.began_ns = now_ns
        if before is QUIET:
            assert self.quiet.state is QUIET or (self.quiet.state is AWAKE and what in {"wake", "false"})


ACTS = st.sampled_from(["ask", "wake", "true", "false", "sent", "due", "follow"])


@given(st.lists(st.builds(Heard, st.integers(0, 30 * SECOND_NS), ACTS), max_size=40), st.integers(0, 60))
def test_it_never_sends_for_longer_than_it_may_nor_in_quiet_and_quiet_is_left_by_a_wake_alone(
    heard: list[Heard], send_s: int
) -> None:
    watched = Watched(send_s)
    for one in heard:
        watched.pass_time(watched.now_ns + one.wait_ns)
        watched.act(one.what)
        if watched.quiet.state is SENDING:
            assert watched.now_ns < watched.began_ns + watched.send_ns == watched.quiet.next_ns
        assert watched.quiet.last_priority == {AWAKE: ALL, SENDING: 3, QUIET: NOTHING}[watched.quiet.state]
