"""From which level on events are told: as the environment says, or the twin while it says another. Pure."""

from collections.abc import Callable

from edge_agent import events
from edge_agent.events import Log
from edge_agent.twin.reported import Reported

LEVELS = ("fatal", "error", "warning", "info", "debug", "verbose")
"""IoT Edge's words for `RuntimeLogLevel`, each heard with those before it"""
SECTION = "log_level"


class LogLevel:
    """Follows the desired property; says what counts in the section of its name."""

    def __init__(self, runtime_level: str, reported: Reported, log: Log, set_level: Callable[[str], None]) -> None:
        """`set_level` is told each level from which on events are to be heard, but not the first."""
        self._runtime_level = self._level = runtime_level
        self._reported, self._log, self._set_level = reported, log, set_level
        self._say("environment")

    def follow(self, desired: str | None) -> None:
        """A document that runs from now on says this, or nothing."""
        said_by = "twin" if desired else "environment"
        level = desired or self._runtime_level
        quieter = LEVELS.index(level) < LEVELS.index(self._level)
        changed, self._level = level != self._level, level
        self._say(said_by)
        if changed and quieter:
            events.log_level_changed(self._log, level=level, said_by=said_by)
        if changed:
            self._set_level(level)
        if changed and not quieter:
            events.log_level_changed(self._log, level=level, said_by=said_by)

    def _say(self, said_by: str) -> None:
        self._reported.say(SECTION, {"level": self._level, "said_by": said_by}, soon=True)
