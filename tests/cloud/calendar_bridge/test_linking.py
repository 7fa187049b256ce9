from itertools import count

import pytest

from calendar_bridge.errors import LinkRejected
from calendar_bridge.linking import GOOD_FOR_S, MOST, Linking

KEY = "j0DFrbaPJWJK5bIU6nZ6bsltgk09e14a0bpvPiE4KF8"


def linking() -> Linking:
    numbers = count()
    return Linking(lambda: f"secret-{next(numbers)}")


def test_a_sign_in_ends_once_and_in_the_browser_it_was_begun_in() -> None:
    links = linking()
    state, pending = links.begin("demo-vehicle", "p1", KEY, 0)
    assert links.end(state, pending.cookie, 1) == pending
    with pytest.raises(LinkRejected, match="not begun here"):
        links.end(state, pending.cookie, 1)


def test_a_sign_in_of_another_browser_is_none_and_is_over() -> None:
    links = linking()
    state, pending = links.begin("demo-vehicle", "p1", KEY, 0)
    with pytest.raises(LinkRejected, match="another phone"):
        links.end(state, "", 1)
    with pytest.raises(LinkRejected):
        links.end(state, pending.cookie, 1)


def test_a_sign_in_that_takes_too_long_is_over() -> None:
    links = linking()
    state, pending = links.begin("demo-vehicle", "p1", KEY, 0)
    with pytest.raises(LinkRejected, match="ten minutes"):
        links.end(state, pending.cookie, GOOD_FOR_S)


@pytest.mark.parametrize(
    ("vehicle", "profile", "key"),
    [("", "p1", KEY), ("a/b", "p1", KEY), ("a b", "p1", KEY), ("v", "p.1", KEY), ("v", "$x", KEY), ("v", "p", "short")],
)
def test_a_code_that_is_not_of_a_car_is_refused(vehicle: str, profile: str, key: str) -> None:
    with pytest.raises(LinkRejected):
        linking().begin(vehicle, profile, key, 0)


def test_who_begins_without_end_pushes_out_the_oldest_alone() -> None:
    links = linking()
    begun = [links.begin("v", "p1", KEY, 0) for _ in range(MOST + 1)]
    with pytest.raises(LinkRejected):
        links.end(begun[0][0], begun[0][1].cookie, 1)
    links.end(begun[1][0], begun[1][1].cookie, 1)


def test_the_challenge_is_that_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    verifier = iter(["state", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "cookie"])
    _, pending = Linking(lambda: next(verifier)).begin("v", "p1", KEY, 0)
    assert pending.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
