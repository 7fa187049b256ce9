"""Calls through a fake oFono on a real private bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cabin.calls.ofono import OfonoDialer
from cabin.errors import CallFailed
from tests.cabin.calls.fake_ofono import Phone, private_bus
from tests.uplink.desk import until
from tests.uplink.fakes import Told

NUMBER, TONES = "+496936505770", "123456789#"


class Stand:
    """A dialer that runs, and the phone."""

    def __init__(self, phone: Phone, dialer: OfonoDialer, log: Told, address: str) -> None:
        self.phone, self.dialer, self.log, self.address = phone, dialer, log, address

    async def reaches(self, state: str) -> None:
        await until(lambda: self.dialer.state == state, limit_s=5)


@asynccontextmanager
async def stand(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, phone: Phone | None = None, active_s: float = 5.0
) -> AsyncIterator[Stand]:
    with private_bus(folder) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        log, phone = Told(), phone or Phone()
        dialer = OfonoDialer(log, welcome_s=0.05, active_s=active_s, again_s=0.05)
        await phone.connect(address)
        running = asyncio.create_task(dialer.run(), name="calls")
        one = Stand(phone, dialer, log, address)
        try:
            await one.reaches("idle")
            yield one
        finally:
            running.cancel()
            await asyncio.wait([running])
            await phone.disconnect()


async def test_the_number_is_dialled_and_the_id_is_sent_once_somebody_took_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stand(tmp_path, monkeypatch) as one:
        await one.dialer.dial(NUMBER, TONES)
        assert one.dialer.state == "dialing"
        one.phone.turn("alerting")
        await asyncio.sleep(0.2)  # four times the welcome: tones would have been sent by now
        assert one.phone.heard == [f"Dial {NUMBER}"]
        one.phone.turn("active")
        await until(lambda: len(one.phone.heard) == 2)
        assert one.phone.heard == [f"Dial {NUMBER}", f"SendTones {TONES} while active"]
        await one.reaches("active")
        one.phone.end()
        await one.reaches("idle")
        assert one.log.at("warning") == []
        assert "6936505770" not in str(one.log.lines)
        assert "123456789" not in str(one.log.lines)


async def test_without_an_id_no_tone_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand(tmp_path, monkeypatch) as one:
        await one.dialer.dial(NUMBER, "")
        one.phone.turn("active")
        await until(lambda: "calls.call_made" in one.log.at("info"))
        assert one.phone.heard == [f"Dial {NUMBER}"]


@pytest.mark.parametrize(
    ("error", "reason"), [("org.ofono.Error.InProgress", "busy"), ("org.ofono.Error.Failed", "refused")]
)
async def test_a_phone_that_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str, reason: str
) -> None:
    async with stand(tmp_path, monkeypatch) as one:
        one.phone.refuses = error
        with pytest.raises(CallFailed, match=reason):
            await one.dialer.dial(NUMBER, TONES)
        assert one.dialer.state == "failed"
        one.phone.refuses = ""
        await one.dialer.dial(NUMBER, TONES)
        assert one.dialer.state == "dialing"


async def test_a_call_that_is_declined_is_told_and_sends_no_tones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stand(tmp_path, monkeypatch) as one:
        await one.dialer.dial(NUMBER, TONES)
        one.phone.turn("alerting")
        one.phone.end()
        await one.reaches("failed")
        assert one.phone.heard == [f"Dial {NUMBER}"]
        assert one.log.fields("calls.call_failed") == [{"reason": "the call ended before its tones were sent"}]


async def test_a_call_that_nobody_takes_is_hung_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand(tmp_path, monkeypatch, active_s=0.2) as one:
        await one.dialer.dial(NUMBER, TONES)
        await one.reaches("failed")
        assert one.phone.heard == [f"Dial {NUMBER}", "Hangup"]


async def test_another_call_is_not_put_on_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talking = Phone()
    talking.calls["/hfp/phone/voicecall99"] = "active"
    async with stand(tmp_path, monkeypatch, phone=talking) as one:
        with pytest.raises(CallFailed, match="busy"):
            await one.dialer.dial(NUMBER, TONES)
        assert one.phone.heard == []


async def test_a_second_tap_makes_no_second_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand(tmp_path, monkeypatch) as one:
        await one.dialer.dial(NUMBER, TONES)
        with pytest.raises(CallFailed, match="busy"):
            await one.dialer.dial(NUMBER, TONES)
        assert one.phone.heard == [f"Dial {NUMBER}"]


async def test_a_phone_that_goes_out_of_reach_and_comes_back_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stand(tmp_path, monkeypatch) as one:
        one.phone.come_and_go(here=False)
        await one.reaches("none")
        with pytest.raises(CallFailed, match="no phone"):
            await one.dialer.dial(NUMBER, TONES)
        one.phone.come_and_go(here=True)
        await one.reaches("idle")


async def test_a_phone_that_goes_while_it_dials_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand(tmp_path, monkeypatch) as one:
        await one.dialer.dial(NUMBER, TONES)
        one.phone.come_and_go(here=False)
        await until(lambda: "calls.call_failed" in one.log.at("warning"))
        assert one.dialer.state == "none"


async def test_an_ofono_that_restarts_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand(tmp_path, monkeypatch) as one:
        await one.phone.disconnect()
        await one.reaches("none")
        await one.phone.connect(one.address)
        await one.reaches("idle")


async def test_a_bus_that_restarts_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand(tmp_path, monkeypatch) as one:
        pass
    assert one.dialer.state == "none"
    running = asyncio.create_task(one.dialer.run(), name="calls")
    await until(lambda: "calls.bus_lost" in one.log.at("warning"))
    with private_bus(tmp_path) as address:
        await one.phone.connect(address)
        await one.reaches("idle")
        running.cancel()
        await asyncio.wait([running])
        await one.phone.disconnect()
