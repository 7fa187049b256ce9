"""When a reminder is shown, and for how long. Pure; time is an argument."""

from cabin.records import Meeting

SHOWN_MS = 20_000
"""while driving: long enough to be seen when the road allows it, short enough not to stay"""


class Reminders:
    """One line at a time; how often is the limits' affair."""

    def __init__(self) -> None:
        self._key: str | None = None
        self._since_up_ms: int | None = None

    def shown(self, due: Meeting | None, every_s: int, up_ms: int) -> Meeting | None:
        """What is to be seen now of what is due; `every_s` 0 shows it as long as it is due.

        Else one is shown for 20 s, and none again before `every_s` have gone since it came; one that came while it was
        not limited counts, too.
        """
        if due is None:
            return None
        begun = self._since_up_ms
        if not every_s:
            if due.key != self._key:
                self._key, self._since_up_ms = due.key, up_ms
            return due
        if begun is None or up_ms - begun >= every_s * 1000:
            self._key, self._since_up_ms = due.key, up_ms
            return due
        return due if due.key == self._key and up_ms - begun < SHOWN_MS else None
