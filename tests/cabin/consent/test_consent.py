import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cabin.consent.consent import Consent
from cabin.consent.wipe import wipes_of
from cabin.errors import DiskRefused, MessageRejected
from cabin.records import Answer, Decision, Purpose
from cabin.trips.trip_log import TripsAllowed
from edge_agent.head_unit.consent import Consent as AgentsConsent
from edge_agent.head_unit.consent import consent_in, followed, withdrawn
from edge_agent.records import Purpose as AgentsPurpose
from tests.cabin.silent_log import SilentLog
from tests.cabin.trips.test_trip_log import Rig

NOTHING_SET = dict.fromkeys(Purpose, Answer.NOT_SET)


def decision(purpose: Purpose, answer: Answer, profile: str = "p1") -> Decision:
    return Decision(purpose, answer, 1_795_000_000, profile, f"{purpose}.en", 3)


class Wiped:
    """Wipes that note what they were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Purpose, str]] = []
        self.fails = False

    async def of(self, purpose: Purpose, profile: str) -> None:
        self.asked.append((purpose, profile))
        if self.fails:
            raise OSError(30, "Read-only file system")

    def by_purpose(self) -> Any:
        return {purpose: lambda profile, purpose=purpose: self.of(purpose, profile) for purpose in Purpose}


@pytest.fixture
def wiped() -> Wiped:
    return Wiped()


@pytest.fixture
async def consent(tmp_path: Path, wiped: Wiped) -> AsyncIterator[Consent]:
    one = Consent(tmp_path / "consent.jsonl", SilentLog(), wiped.by_purpose())
    await one.open()
    yield one
    await one.close()


async def after_a_start(tmp_path: Path, wiped: Wiped | None = None, log: SilentLog | None = None) -> Consent:
    other = Consent(tmp_path / "consent.jsonl", log or SilentLog(), (wiped or Wiped()).by_purpose())
    await other.open()
    await other.close()
    return other


def body(consent: Consent, profile: str, *, private: bool = False) -> Any:
    return json.loads(consent.body(profile, now_ms=1, private=private))


def all_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_nothing_is_set_before_somebody_decides(consent: Consent) -> None:
    assert consent.answers("p1") == NOTHING_SET
    assert consent.answers("guest") == NOTHING_SET


async def test_a_decision_survives_a_start_with_its_text_and_time(consent: Consent, tmp_path: Path) -> None:
    await consent.decide(decision(Purpose.TRIPS, Answer.YES))
    await consent.decide(decision(Purpose.LOCATION, Answer.NO))
    other = await after_a_start(tmp_path)
    assert other.answers("p1") == NOTHING_SET | {Purpose.TRIPS: Answer.YES, Purpose.LOCATION: Answer.NO}
    assert other.answers("p2") == NOTHING_SET
    assert other.decisions == (decision(Purpose.TRIPS, Answer.YES), decision(Purpose.LOCATION, Answer.NO))
    assert (tmp_path / "consent.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("answer", [Answer.NO, Answer.NOT_SET])
async def test_what_is_no_yes_is_wiped_before_it_is_answered(consent: Consent, wiped: Wiped, answer: Answer) -> None:
    await consent.decide(decision(Purpose.TRIPS, Answer.YES))
    assert wiped.asked == []
    await consent.decide(decision(Purpose.TRIPS, answer))
    assert wiped.asked == [(Purpose.TRIPS, "p1")]


async def test_a_wipe_that_was_cut_is_done_again_at_the_start(consent: Consent, wiped: Wiped, tmp_path: Path) -> None:
    wiped.fails = True
    with pytest.raises(DiskRefused, match="the disk refuses what the trips keep: Read-only file system"):
        await consent.decide(decision(Purpose.TRIPS, Answer.NO))
    again = Wiped()
    await after_a_start(tmp_path, again)
    assert again.asked == [(Purpose.TRIPS, "p1")]
    once_more = Wiped()
    await after_a_start(tmp_path, once_more)
    assert once_more.asked == []


async def test_the_agent_hears_of_it_before_the_wipe(tmp_path: Path, wiped: Wiped) -> None:
    heard: list[int] = []
    consent = Consent(
        tmp_path / "c.jsonl", SilentLog(), wiped.by_purpose(), changed=lambda: heard.append(len(wiped.asked))
    )
    await consent.open()
    await consent.decide(decision(Purpose.CALENDAR, Answer.NO))
    await consent.close()
    assert heard == [0]


async def test_a_torn_last_line_does_not_count_and_leaves_the_rest(consent: Consent, tmp_path: Path) -> None:
    await consent.decide(decision(Purpose.TRIPS, Answer.YES))
    path = tmp_path / "consent.jsonl"
    whole = path.read_bytes()
    await consent.decide(decision(Purpose.CALENDAR, Answer.YES))
    torn = path.read_bytes()[: len(whole) + 40]
    path.write_bytes(torn)
    log = SilentLog()
    other = await after_a_start(tmp_path, log=log)
    assert other.answers("p1") == NOTHING_SET | {Purpose.TRIPS: Answer.YES}
    assert log.names == []


async def test_a_damaged_line_makes_all_before_it_unset(consent: Consent, tmp_path: Path) -> None:
    await consent.decide(decision(Purpose.TRIPS, Answer.YES))
    await consent.decide(decision(Purpose.TRIPS, Answer.NO))
    await consent.decide(decision(Purpose.CALENDAR, Answer.YES))
    path = tmp_path / "consent.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"trips","answer":"NO"', b'"trips","answer":"N0"'))
    log = SilentLog()
    other = await after_a_start(tmp_path, log=log)
    assert other.answers("p1") == NOTHING_SET | {Purpose.CALENDAR: Answer.YES}
    assert "consent.ledger_damaged" in log.names


async def test_a_file_that_is_no_file_allows_nothing(tmp_path: Path) -> None:
    (tmp_path / "consent.jsonl").mkdir()
    log = SilentLog()
    other = Consent(tmp_path / "consent.jsonl", log, Wiped().by_purpose())
    await other.open()
    assert log.told == [("disk.disk_refused", {"part": "decisions", "reason": "Is a directory"})]
    assert other.answers("p1") == NOTHING_SET
    with pytest.raises(DiskRefused):
        await other.decide(decision(Purpose.TRIPS, Answer.YES))
    assert other.answers("p1") == NOTHING_SET
    with pytest.raises(DiskRefused):
        await other.decide(decision(Purpose.TRIPS, Answer.NO))
    assert other.answers("p1")[Purpose.TRIPS] is Answer.NO
    await other.close()


async def test_a_guest_may_say_no_and_never_yes(consent: Consent) -> None:
    with pytest.raises(MessageRejected, match="profile: a guest cannot agree"):
        await consent.decide(decision(Purpose.TRIPS, Answer.YES, "guest"))
    await consent.decide(decision(Purpose.TRIPS, Answer.NO, "guest"))
    assert consent.answers("guest")[Purpose.TRIPS] is Answer.NO


async def test_the_version_rises_with_every_decision_and_over_starts(consent: Consent, tmp_path: Path) -> None:
    versions = [consent.version]
    for answer in (Answer.YES, Answer.NO):
        await consent.decide(decision(Purpose.TRIPS, answer))
        versions.append(consent.version)
    versions.extend([(await after_a_start(tmp_path)).version for _ in range(2)])
    assert versions == sorted(set(versions))


async def test_the_body_is_what_the_agent_takes(consent: Consent) -> None:
    await consent.decide(decision(Purpose.TRIPS, Answer.YES))
    await consent.decide(decision(Purpose.LOCATION, Answer.NO))
    heard = consent_in(consent.body("p1", now_ms=1_795_000_000_123, private=False))
    assert (heard.yes, heard.no) == (AgentsPurpose.TRIPS, AgentsPurpose.LOCATION)
    assert (heard.private, heard.t_ms, heard.version) == (False, 1_795_000_000_123, consent.version)


async def test_another_profile_or_private_mode_counts_for_the_agent_and_comes_back(consent: Consent) -> None:
    await consent.decide(decision(Purpose.TRIPS, Answer.YES))
    agent = AgentsConsent()
    seen = []
    for profile, private in [("p1", False), ("p1", True), ("p1", False), ("guest", False), ("p1", False)]:
        now = followed(agent, consent_in(consent.body(profile, now_ms=1, private=private)))
        seen.append((now.allowed, withdrawn(agent, now)))
        agent = now
    trips, nothing = AgentsPurpose.TRIPS, AgentsPurpose(0)
    assert seen == [(trips, nothing), (nothing, nothing), (trips, nothing), (nothing, nothing), (trips, nothing)]


async def test_the_same_body_keeps_its_version(consent: Consent) -> None:
    assert body(consent, "p1")["version"] == body(consent, "p1")["version"]


async def test_a_removed_profile_leaves_nothing(consent: Consent, wiped: Wiped, tmp_path: Path) -> None:
    await consent.decide(decision(Purpose.TRIPS, Answer.YES, "p1"))
    await consent.decide(decision(Purpose.TRIPS, Answer.YES, "p2"))
    await consent.remove_profile("p1")
    assert wiped.asked == [(purpose, "p1") for purpose in Purpose]
    other = await after_a_start(tmp_path)
    assert other.answers("p1") == NOTHING_SET
    assert other.answers("p2")[Purpose.TRIPS] is Answer.YES


@pytest.mark.parametrize("purpose", [Purpose.TRIPS, Purpose.LOCATION, Purpose.CLOUD_TELEMETRY])
async def test_no_plaintext_is_left_in_any_file(tmp_path: Path, purpose: Purpose) -> None:
    rig = await Rig(tmp_path / "trips").open()
    calendar = Wiped()
    consent = Consent(
        tmp_path / "consent.jsonl",
        SilentLog(),
        wipes_of(rig.log, rig.outbox, lambda profile: calendar.of(Purpose.CALENDAR, profile)),
    )
    await consent.open()
    rig.drives().leaves().drives()
    trips = await rig.trips()
    await consent.decide(decision(purpose, Answer.NO))
    rig.allowed = TripsAllowed("p1", purpose is not Purpose.TRIPS, purpose is not Purpose.LOCATION)
    rig.car.goes(20)
    await rig.trips()
    left = all_files(tmp_path)
    await consent.close()
    await rig.close()
    if purpose is Purpose.TRIPS:
        assert trips[0].id.encode() not in left
        assert b"speed_kmh" not in left
    if purpose is Purpose.LOCATION:
        assert b"50.12345" not in left
    if purpose is Purpose.CLOUD_TELEMETRY:
        assert left.count(trips[0].id.encode()) == 1  # the driver's own list
