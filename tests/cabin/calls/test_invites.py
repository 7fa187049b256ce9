"""A corpus of invitations in many languages, with structured fields and bodies that lead astray."""

import json
from pathlib import Path
from typing import Any

import pytest

from cabin.calendar.items import meeting_of
from cabin.calls.dialstring import dial_string

INVITES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "invites.json").read_text())


@pytest.mark.parametrize("invite", INVITES, ids=lambda one: f"{one['language']} {one['service']}")
def test_every_invitation_gives_its_structured_number_and_id_or_none(invite: dict[str, Any]) -> None:
    body = invite["body"]
    item = {"title": body, "place": body, "who": body, "link": body, "start": 0, "end": 60}
    plain = json.dumps(item | {"tel": invite["tel"], "id": invite["id"]}).encode()
    dial = dial_string(meeting_of(plain, profile="p1", key="a", version=1))
    told = (dial.number, dial.tones) if dial else (None, None)
    assert told == (invite["number"], invite["tones"])


def test_the_corpus_has_every_kind() -> None:
    assert len(INVITES) >= 36
    assert len({one["language"].partition("-")[0] for one in INVITES}) >= 15
    assert sum(one["number"] is None for one in INVITES) >= 6
