"""The SDK's adapter: what it says of errors, and that nothing is lost through the faults of the local hub."""

import asyncio
import inspect
import logging
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.iot.device import Message, constant, exceptions
from azure.iot.device.iothub.aio.async_clients import GenericIoTHubClient
from azure.iot.device.iothub.pipeline import exceptions as inside
from azure.iot.device.iothub.pipeline.mqtt_pipeline import MQTTPipeline

from edge_agent.errors import BadSettings, CredentialsRefused, HubUnreachable, UplinkWedged
from edge_agent.localhub.faults import DropHow
from edge_agent.uplink.credentials import HubKey
from edge_agent.uplink.iotedge import FAILURES, MESSAGE_CAP_BYTES, IotEdge, Limits
from tests.uplink.desk import SHORT, desk, set_environment, until
from tests.uplink.fakes import Recorder, Told, envelope
from tests.uplink.run import Run, acked, deliver, sessions, threads_of_ours


async def test_a_healthy_day_is_silent_and_every_thread_of_ours_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def nothing(_: Run) -> None:
        pass

    async with desk(tmp_path, "127.0.0.42", monkeypatch) as parts:
        run = await deliver(parts, 500, nothing)
    assert run.delivery.counts.uncertain == 0
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert parts.log.at("warning") + parts.log.at("error") == []
    assert threads_of_ours() == []


async def test_a_message_carries_what_routes_and_deduplication_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, "127.0.0.43", monkeypatch) as parts:
        session = await parts.uplink.connect(Recorder())
        await session.send(envelope(7, boot=3, payload=b"\x1f\x8b"))
        await session.close()
        [arrival] = parts.arrivals()
    assert arrival.body == b"\x1f\x8b"
    assert arrival.output == "telemetry"
    assert arrival.properties == {
        "$.on": "telemetry",
        "$.mid": "3-7",
        "$.ct": "application/json",
        "$.ce": "gzip",
        "schema": "columns/1",
        "lane": "warm",
        "rule": "idle",
        "boot": "3",
        "seq": "7",
    }


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"no certificate"])
async def test_an_authority_that_cannot_be_read_any_more_is_told_and_tried_again(
    tmp_path: Path, content: bytes | None
) -> None:
    authority = tmp_path / "authority.pem"
    if content is not None:
        authority.write_bytes(content)
    credentials = HubKey("HostName=127.0.0.149;DeviceId=car;SharedAccessKey=c2VjcmV0PT0=", authority)

    with pytest.raises(HubUnreachable):
        await IotEdge(Told(), credentials=credentials, limits=SHORT).connect(Recorder())


async def test_the_model_that_is_announced_is_known_to_the_hub_and_a_hub_that_hears_of_none_forgets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, "127.0.0.97", monkeypatch) as parts:
        with_model = IotEdge(parts.log, limits=SHORT, model_id="dtmi:com:example:vehicle;1")
        await (await with_model.connect(Recorder())).close()
        assert str((await parts.twin())["modelId"]) == "dtmi:com:example:vehicle;1"

        await (await parts.uplink.connect(Recorder())).close()
        assert "modelId" not in await parts.twin()


async def test_a_hub_that_restarts_mid_stream_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def restart(run: Run) -> None:
        await until(acked(run, 100))
        await run.desk.hub.stop()
        await until(lambda: run.delivery.counts.failures > 1)
        await run.desk.hub.start()

    async with desk(tmp_path, "127.0.0.44", monkeypatch) as parts:
        run = await deliver(parts, 1000, restart)
    assert run.delivery.counts.sessions == 2


async def test_ten_resets_under_load_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def reset_ten_times(run: Run) -> None:
        for n in range(10):
            await until(acked(run, 100 * (n + 1)))
            run.desk.drop()
            await until(sessions(run, n + 2))

    async with desk(tmp_path, "127.0.0.45", monkeypatch) as parts:
        run = await deliver(parts, 1500, reset_ten_times, payload=b"x" * 10_000)
    assert run.delivery.counts.sessions >= 11  # a busy machine may lose one more by itself


@pytest.mark.parametrize("how", DropHow)
async def test_a_drop_around_one_acknowledgement_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: DropHow, caplog: pytest.LogCaptureFixture
) -> None:
    async def drop(run: Run) -> None:
        run.desk.hub.drop_how, run.desk.hub.drop_after = how, 40
        await until(lambda: run.delivery.counts.failures > 0)
        run.desk.hub.drop_after = None

    async with desk(tmp_path, "127.0.0.46", monkeypatch) as parts:
        await deliver(parts, 100, drop)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("fault", ["never_ack", "no_twin_reply", "no_connack", "no_suback"])
async def test_a_hub_that_falls_silent_is_left_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def silence(run: Run) -> None:
        await until(acked(run, 20))
        setattr(run.desk.hub, fault, True)
        run.desk.drop()
        await until(lambda: run.delivery.counts.failures > 1)
        setattr(run.desk.hub, fault, False)

    async with desk(tmp_path, "127.0.0.47", monkeypatch) as parts:
        await deliver(parts, 500, silence)
        await until(lambda: not threads_of_ours())
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_change_of_the_twin_arrives_after_the_hub_forgot_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forget(run: Run) -> None:
        await until(acked(run, 10))
        run.desk.hub.forget_sessions = True
        run.desk.drop()
        await run.desk.desire({"while": "away"})
        await until(lambda: run.delivery.counts.sessions == 2)
        await run.desk.desire({"while": "back"})
        await until(lambda: bool(run.inbox.patches))

    async with desk(tmp_path, "127.0.0.48", monkeypatch) as parts:
        run = await deliver(parts, 100, forget)
    assert run.inbox.documents[-1]["desired"] == {"while": "away", "$version": 2}
    assert run.inbox.patches == [{"while": "back", "$version": 3}]


async def test_a_report_the_hub_refuses_is_told_and_the_session_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, "127.0.0.49", monkeypatch) as parts:
        session = await parts.uplink.connect(Recorder())
        await session.report('{"a.b": 1}')
        await session.send(envelope(1))
        await session.close()
    [told] = parts.log.fields("uplink.report_refused")
    assert "400" in str(told["reason"])


async def test_clients_that_cannot_be_disposed_of_end_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mute = socket.socket(socket.AF_UNIX)
    mute.bind(str(tmp_path / "mute.sock"))
    mute.listen()
    async with desk(tmp_path / "hub", "127.0.0.50", monkeypatch, way="workload") as parts:
        uri = f"unix://{tmp_path / 'mute.sock'}"
        set_environment(monkeypatch, {**parts.hub.environment("workload"), "IOTEDGE_WORKLOADURI": uri})
        log = Told()
        uplink = IotEdge(log, limits=Limits(create_s=0.1, shutdown_s=0.1, undisposed=2))
        for _ in range(2):
            with pytest.raises(HubUnreachable, match="no client, for want of credentials, within"):
                await uplink.connect(Recorder())
        with pytest.raises(UplinkWedged, match="2 connections"):
            await uplink.connect(Recorder())
        assert log.numbers("uplink.session_undisposed", "count") == [1, 2]
        mute.close()
        await until(lambda: not threads_of_ours())


async def test_an_absent_workload_socket_may_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(tmp_path, "127.0.0.51", monkeypatch, way="workload") as parts:
        variables = {**parts.hub.environment("workload"), "IOTEDGE_WORKLOADURI": f"unix://{tmp_path}/none.sock"}
        set_environment(monkeypatch, variables)
        with pytest.raises(HubUnreachable, match="No such file") as caught:
            await IotEdge(Told(), limits=SHORT).connect(Recorder())
    assert not isinstance(caught.value, CredentialsRefused)


async def test_a_certificate_of_another_authority_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(tmp_path / "one", "127.0.0.52", monkeypatch) as one:
        async with desk(tmp_path / "two", "127.0.0.53", monkeypatch) as other:
            foreign = other.hub.environment("connection_string")["EdgeModuleCACertificateFile"]
        variables = {**one.hub.environment("connection_string"), "EdgeModuleCACertificateFile": foreign}
        set_environment(monkeypatch, variables)
        with pytest.raises(HubUnreachable, match=r"TLS.*certificate verify failed"):
            await IotEdge(Told(), limits=SHORT).connect(Recorder())


@pytest.mark.parametrize(
    ("string", "says"),
    [
        ("HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=a2V5", "Invalid"),
        ("nonsense", "Invalid"),
        ("HostName=h;GatewayHostName=127.0.0.54;DeviceId=d;ModuleId=m;SharedAccessKey=a", "Invalid"),
    ],
)
async def test_a_broken_connection_string_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, string: str, says: str
) -> None:
    (tmp_path / "ca.pem").write_text("")
    variables = {"EdgeHubConnectionString": string, "EdgeModuleCACertificateFile": str(tmp_path / "ca.pem")}
    set_environment(monkeypatch, variables)
    with pytest.raises(CredentialsRefused, match=says):
        await IotEdge(Told(), limits=SHORT).connect(Recorder())


def test_outside_of_iot_edge_the_missing_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, {})
    with pytest.raises(BadSettings, match=r"IOTEDGE_WORKLOADURI.*EdgeHubConnectionString"):
        IotEdge(Told())


def test_every_error_of_the_sdk_has_one_of_ours() -> None:
    theirs = {each for _, each in inspect.getmembers(exceptions, inspect.isclass) if issubclass(each, Exception)}
    assert set(FAILURES) == theirs


def test_the_sdk_is_the_release_whose_inside_a_send_takes() -> None:
    """Else read `send_message` of the new one: what it does beside the pipeline must be done by the adapter."""
    assert constant.VERSION == "2.14.0"
    assert list(inspect.signature(MQTTPipeline.send_message).parameters) == ["self", "message", "callback"]
    said = inspect.getsource(GenericIoTHubClient.send_message)
    for step in (
        "if message.get_size() > device_constant.TELEMETRY_MESSAGE_SIZE_LIMIT",
        "async_adapter.emulate_async(self._mqtt_pipeline.send_message)",
        "await handle_result(callback)",
    ):
        assert step in said


def test_the_largest_message_there_may_be_is_within_the_sdks_own_limit() -> None:
    message = Message(  # type: ignore[no-untyped-call]  # typed in the SDK's docstring only
        bytes(MESSAGE_CAP_BYTES - 100),
        message_id=f"{2**32}-{2**63}",
        content_type="application/json; charset=utf-8",
        content_encoding="gzip",
        output_name="x" * 1024,
    )
    message.custom_properties = {"rule": "x" * 100}
    assert message.get_size() < constant.TELEMETRY_MESSAGE_SIZE_LIMIT


async def test_a_send_fails_as_the_sdks_own_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = [each for _, each in inspect.getmembers(inside, inspect.isclass) if issubclass(each, Exception)]
    async with desk(tmp_path, "127.0.0.196", monkeypatch) as parts:
        session = await parts.uplink.connect(Recorder())
        for kind in (*theirs, ValueError):

            def fail(
                _self: object, _message: object, callback: Callable[..., None], kind: type[Exception] = kind
            ) -> None:
                callback(error=kind("as told"))

            with monkeypatch.context() as patch:
                patch.setattr(MQTTPipeline, "send_message", fail)
                with pytest.raises(HubUnreachable, match="as told") as caught:
                    await session.send(envelope(1))
            assert isinstance(caught.value, CredentialsRefused) == (kind.__name__ == "UnauthorizedError")
        await session.send(envelope(2))
        await session.close()
    assert [each.seq for each in parts.arrived()] == [2]


async def test_who_waits_when_the_session_is_closed_is_told_and_not_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, "127.0.0.101", monkeypatch) as parts:
        session = await parts.uplink.connect(Recorder())
        with monkeypatch.context() as patch:
            patch.setattr(MQTTPipeline, "send_message", lambda *_args, **_named: None)
            sending = asyncio.create_task(session.send(envelope(1)), name="sending")
            await asyncio.sleep(0)  # it has begun
            await session.close()
        with pytest.raises(HubUnreachable, match="closed"):
            await sending
        with pytest.raises(HubUnreachable, match="closed"):
            await session.report('{"a": 1}')
