"""What ended a run: errors taken out of their groups, and one that nobody foresaw as a single event."""

import traceback
from collections.abc import Iterator

from edge_agent import events


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors of a group, and of the groups in it; an error alone is its own leaf."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from leaves(part)
    else:
        yield error


def tell_crash(log: events.Log, error: BaseException) -> None:
    """One event with all there is to know, on one line."""
    events.stage_failed(
        log,
        stage=_stage(error),
        error=type(error).__name__,
        reason=str(error) or type(error).__name__,
        traceback="".join(traceback.format_exception(error)),
    )


def _stage(error: BaseException) -> str:
    """The innermost of our modules that the error came through: `uplink.deliver`."""
    names = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [name.removeprefix("edge_agent.") for name in names if name.startswith("edge_agent.")]
    return ours[-1] if ours else "unknown"
