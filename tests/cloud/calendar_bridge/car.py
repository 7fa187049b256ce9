"""The car's side, with the cabin's own code: what is in the twin, opened."""

from collections.abc import Mapping

from cabin.calendar.items import meeting_of
from cabin.calendar.seal import CarKey, Sealed
from cabin.records import Meeting
from tests.cloud.calendar_bridge.mailbox import Shown


class Car:
    """Opens what its twin has; refuses a version that does not rise, and what is kept for too long."""

    def __init__(self) -> None:
        self.key = CarKey.fresh()
        self._seen: dict[str, tuple[int, str]] = {}

    def meetings(self, desired: Mapping[str, object], profile: str, now_s: float) -> list[Meeting]:
        calendar = desired.get("calendar")
        items = calendar.get(profile, {}) if isinstance(calendar, dict) else {}
        return [self._opened(profile, key, item, now_s) for key, item in items.items()]

    def shows(self, desired: Mapping[str, object], profile: str, now_s: float) -> list[Shown]:
        """In the order of `mailbox.shown_to_the_driver`."""
        return sorted((_shown(one) for one in self.meetings(desired, profile, now_s)), key=repr)

    def _opened(self, profile: str, key: str, item: Mapping[str, object], now_s: float) -> Meeting:
        version, until_s, text = item["n"], item["u"], item["s"]
        assert isinstance(version, int)
        assert isinstance(until_s, int)
        assert isinstance(text, str)
        last, before = self._seen.get(key, (0, ""))
        assert text == before or version > last, "a version that does not rise is refused"
        assert now_s < until_s <= now_s + 7 * 86_400
        self._seen[key] = (version, text)
        plain = self.key.open(Sealed(profile, key, version, until_s, text))
        assert b"SECRET" not in plain
        return meeting_of(plain, profile=profile, key=key, version=version)


def _shown(one: Meeting) -> Shown:
    when = (one.start_s, one.end_s, one.first_day, one.last_day)
    texts = (one.title, one.place, one.organiser, one.tel, one.conference_id)
    return (*when, *texts, one.show_as, one.cancelled, one.private)
