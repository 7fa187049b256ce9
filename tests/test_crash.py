import asyncio

import pytest

from edge_agent.crash import leaves, tell_crash
from edge_agent.errors import HubUnreachable
from edge_agent.spool.reading import read_payloads
from tests.acquire.told import Told


def test_an_error_alone_is_its_own_leaf() -> None:
    error = ValueError("odd")
    assert list(leaves(error)) == [error]


def test_groups_are_unfolded_whatever_is_in_them() -> None:
    inner = BaseExceptionGroup("inner", [asyncio.CancelledError(), HubUnreachable("away")])
    found = list(leaves(BaseExceptionGroup("outer", [KeyError("x"), inner])))

    assert [type(one) for one in found] == [KeyError, asyncio.CancelledError, HubUnreachable]


def test_a_crash_is_one_event_with_its_stage_type_message_and_traceback() -> None:
    log = Told()
    with pytest.raises(AttributeError) as caught:
        list(read_payloads(None, "nowhere"))  # type: ignore[arg-type]  # the mistake in our code that is told
    tell_crash(log, caught.value)

    [(level, name, fields)] = log.lines
    assert (level, name) == ("error", "app.stage_failed")
    assert (fields["stage"], fields["error"], fields["count"]) == ("spool.reading", "AttributeError", 1)
    assert "startswith" in str(fields["reason"])
    assert "read_payloads" in str(fields["traceback"])


def test_an_error_from_elsewhere_without_a_message_is_told_too() -> None:
    log = Told()
    tell_crash(log, MemoryError())

    [(_, _, fields)] = log.lines
    assert (fields["stage"], fields["reason"]) == ("unknown", "MemoryError")
