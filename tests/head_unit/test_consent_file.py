import json
import stat
from pathlib import Path

import pytest

from edge_agent.head_unit.consent import Consent
from edge_agent.head_unit.consent_file import ConsentFile
from edge_agent.records import Purpose
from tests.spool.parts import Ear

DECIDED = Consent(4, private=True, yes=Purpose.LOCATION, no=Purpose.TRIPS, t_ms=1_788_264_000_000)


def test_a_decision_and_what_it_still_has_to_wipe_come_back(tmp_path: Path) -> None:
    file = ConsentFile(tmp_path / "consent.json", Ear())

    file.write(DECIDED, Purpose.TRIPS | Purpose.CALENDAR)

    assert file.read() == (DECIDED, Purpose.TRIPS | Purpose.CALENDAR)
    assert stat.S_IMODE((tmp_path / "consent.json").stat().st_mode) == 0o600
    file.write(DECIDED, Purpose(0))
    assert file.read() == (DECIDED, Purpose(0))


def test_where_nothing_was_kept_there_is_no_consent(tmp_path: Path) -> None:
    log = Ear()

    assert ConsentFile(tmp_path / "consent.json", log).read() == (Consent(), Purpose(0))
    assert log.heard == []


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"consent": {}, "wipe": []}', b'{"consent": 1}', b"\xff", b"[" * 10**5]
)
def test_what_cannot_be_read_is_told_and_is_no_consent(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "consent.json").write_bytes(content)
    log = Ear()

    assert ConsentFile(tmp_path / "consent.json", log).read() == (Consent(), Purpose(0))
    assert log.alarms() == ["policy.kept_consent_unusable"]


def test_the_file_is_as_the_cabin_said_it(tmp_path: Path) -> None:
    ConsentFile(tmp_path / "consent.json", Ear()).write(DECIDED, Purpose.TRIPS)

    assert json.loads((tmp_path / "consent.json").read_bytes()) == {
        "consent": {
            "t": 1_788_264_000_000,
            "version": 4,
            "private": True,
            "purposes": {"calendar": "NOT_SET", "trips": "NO", "location": "YES", "cloud_telemetry": "NOT_SET"},
        },
        "wipe": ["trips"],
    }
