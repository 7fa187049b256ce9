import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import ConsentRefused
from edge_agent.head_unit.consent import LARGEST, Consent, consent_in, followed, locates, needed, parted, withdrawn
from edge_agent.policy.rules import BatchLimits, Periodic, Rule
from edge_agent.records import Lane, Purpose, RuleInfo, TimeUnit

WORDS = {
    "calendar": Purpose.CALENDAR,
    "trips": Purpose.TRIPS,
    "location": Purpose.LOCATION,
    "cloud_telemetry": Purpose.CLOUD_TELEMETRY,
}
ANSWERS = st.dictionaries(st.sampled_from(sorted(WORDS)), st.sampled_from(["YES", "NO", "NOT_SET"]))
MESSAGES = st.fixed_dictionaries(
    {"t": st.integers(0, 2**41), "version": st.integers(1, 9), "private": st.booleans(), "purposes": ANSWERS}
)
TAGS = st.lists(st.sampled_from([*WORDS, "safety", "law", "Trips", "trip"]), max_size=3)
SEPARATORS = st.sampled_from([" ", ", ", ",", "  "])


def heard(message: object) -> Consent:
    return consent_in(json.dumps(message).encode())


def rule(name: str, purpose: str) -> Rule:
    info = RuleInfo(name, "periodic", 5, Lane.WARM, purpose, TimeUnit.MS)
    return Periodic(info, np.array([0]), BatchLimits(10, 10), 1)


def says_yes(message: dict[str, object], word: str) -> bool:
    answers = message["purposes"]
    assert isinstance(answers, dict)
    return answers.get(word) == "YES"


@given(MESSAGES, st.lists(st.tuples(TAGS, SEPARATORS), max_size=5))
def test_a_rule_runs_only_where_every_purpose_of_it_is_a_yes_and_nobody_wants_to_be_private(
    message: dict[str, object], tagged: list[tuple[list[str], str]]
) -> None:
    rules = [rule(f"r{at}", separator.join(tags)) for at, (tags, separator) in enumerate(tagged)]

    permits = parted(rules, heard(message).allowed)

    for at, (tags, _) in enumerate(tagged):
        asks = {tag.lower() for tag in tags} & set(WORDS) if tags else {"cloud_telemetry"}
        lacks = {word for word in asks if message["private"] or not says_yes(message, word)}
        assert set(permits.waiting.get(f"r{at}", ())) == lacks
        running = [one for one in permits.running if one.info.name == f"r{at}"]
        assert len(running) == (not lacks)
        for one in running:
            assert {word for word, purpose in WORDS.items() if purpose in (one.info.purposes or Purpose(0))} == asks


@given(MESSAGES, MESSAGES)
def test_what_is_withdrawn_is_every_new_no_and_every_yes_that_is_gone(
    before: dict[str, object], now: dict[str, object]
) -> None:
    wiped = withdrawn(heard(before), heard(now))

    for word, purpose in WORDS.items():
        was, answer = (message["purposes"].get(word, "NOT_SET") for message in (before, now))  # type: ignore[attr-defined]  # drawn so
        assert (purpose in wiped) == ((answer == "NO" != was) or (was == "YES" != answer))


@given(MESSAGES, MESSAGES)
def test_a_decision_whose_version_does_not_rise_can_take_away_and_not_give(
    before: dict[str, object], now: dict[str, object]
) -> None:
    old, new = heard(before), heard(now)

    after = followed(old, new)

    assert after.version == new.version
    if new.version > old.version:
        assert after == new
    elif new != old:
        assert after.yes == old.yes & new.yes & ~(old.no | new.no)
        assert after.no == old.no | new.no
        assert after.private == (old.private or new.private)


@given(MESSAGES)
def test_what_was_heard_comes_back_from_what_is_kept(message: dict[str, object]) -> None:
    assert heard(heard(message).body()) == heard(message)


def test_private_mode_allows_nothing_and_wipes_nothing() -> None:
    before = Consent(3, yes=Purpose.TRIPS | Purpose.LOCATION)
    private = replace(before, version=4, private=True)

    assert private.allowed == Purpose(0)
    assert withdrawn(before, private) == Purpose(0)
    assert withdrawn(private, replace(private, version=5, private=False)) == Purpose(0)


def test_the_greatest_version_is_no_lock_for_those_after_it() -> None:
    greatest = heard({"t": 1, "version": LARGEST, "private": False, "purposes": {"trips": "YES"}})
    after = followed(greatest, Consent(4, yes=Purpose.TRIPS))

    assert after.version == 4
    assert followed(after, Consent(5, yes=Purpose.LOCATION)).allowed == Purpose.LOCATION


def test_a_signal_says_where_the_vehicle_is_by_its_name() -> None:
    placed = ("Vehicle.CurrentLocation.Heading", "GPS.GPS_LATITUDE", "vehicle/currentlocation/longitude")
    assert all(locates(name) for name in placed)
    assert not any(locates(name) for name in ("Vehicle.Speed", "Vehicle.Acceleration.Lateral", "Motion.Altitude"))


def test_a_rule_without_a_purpose_is_cloud_telemetry_and_one_with_another_word_needs_none() -> None:
    assert needed("") == needed(" , ") == Purpose.CLOUD_TELEMETRY
    assert needed("safety") == Purpose(0)
    assert needed("safety location") == Purpose.LOCATION


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"nonsense", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "must be an object"),
        (b'{"t": 1, "version": true, "private": false, "purposes": {}}', "version: must be a whole number from 1"),
        (b'{"t": 1, "version": 0, "private": false, "purposes": {}}', "version: must be a whole number from 1"),
        (b'{"t": 1, "version": 9007199254740992, "private": false, "purposes": {}}', "from 1 to 9007199254740991"),
        (b'{"t": 9007199254740992, "version": 1, "private": false, "purposes": {}}', "t: must be whole milliseconds"),
        (b'{"t": null, "version": 1, "private": false, "purposes": {}}', "t: must be whole milliseconds"),
        (b'{"t": 1, "version": 1, "private": "no", "purposes": {}}', "private: must be true or false"),
        (b'{"t": 1, "version": 1, "private": false}', "purposes: must be an object"),
        (
            b'{"t": 1, "version": 1, "private": false, "purposes": {"trips": "yes"}}',
            "purposes.trips: must be one of YES, NO, NOT_SET",
        ),
        (
            b'{"t": 1, "version": 1, "private": false, "purposes": {"trips": ["YES"]}}',
            "purposes.trips: must be one of YES, NO, NOT_SET",
        ),
    ],
)
def test_a_message_that_cannot_be_read_is_refused_by_its_place(payload: bytes, sentence: str) -> None:
    with pytest.raises(ConsentRefused, match=sentence):
        consent_in(payload)
