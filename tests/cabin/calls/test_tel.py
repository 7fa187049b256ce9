import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cabin.calls.tel import TelDialer
from cabin.errors import CallFailed
from tests.uplink.fakes import Told


@asynccontextmanager
async def platform(socket: Path, answer: bytes | None) -> AsyncIterator[list[bytes]]:
    """A head unit's program; `answer` None keeps silent."""
    heard: list[bytes] = []
    serving: list[asyncio.Task[Any] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        heard.append(await reader.readline())
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(serve, socket):
        yield heard
        await asyncio.gather(*(one for one in serving if one))


async def test_the_platform_gets_number_pauses_and_id_in_one_line(tmp_path: Path) -> None:
    dialer = TelDialer(tmp_path / "tel", Told())
    assert dialer.state == "none"
    async with platform(tmp_path / "tel", b"ok\n") as heard:
        assert dialer.state == "idle"
        await dialer.dial("+496936505770", "123456789#")
    assert heard == [b"tel:+496936505770,,123456789%23\n"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(b"busy\n", "busy"), (b"", "without a word"), (b"x" * 3000, "does not listen"), (None, "did not answer")],
)
async def test_a_call_that_the_platform_does_not_take_is_told(
    tmp_path: Path, answer: bytes | None, reason: str
) -> None:
    log = Told()
    dialer = TelDialer(tmp_path / "tel", log, answer_s=0.3)
    async with platform(tmp_path / "tel", answer):
        with pytest.raises(CallFailed, match=reason):
            await dialer.dial("+496936505770", "123456789#")
        assert dialer.state == "failed"
    assert log.at("warning") == ["calls.call_failed"]
    assert "6936505770" not in str(log.lines)


async def test_a_platform_that_has_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "tel").touch()
    with pytest.raises(CallFailed, match="does not listen"):
        await TelDialer(tmp_path / "tel", Told()).dial("+496936505770", "")
