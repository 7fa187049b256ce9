import pytest

from cabin.calls.none import NoDialer
from cabin.errors import CallFailed


async def test_without_a_phone_no_call_is_made_and_that_is_said() -> None:
    dialer = NoDialer()
    assert dialer.state == "none"
    with pytest.raises(CallFailed, match="no phone"):
        await dialer.dial("+496936505770", "")
    await dialer.close()
