"""What Microsoft's SDK does wrong (azure-iot-device 2.14.0 with paho-mqtt 1.6), and what the agent does about it.

Each is named with its tests, those elsewhere with their file.

| hazard | tests |
|---|---|
| paho's network thread dies of the end of TLS, and the SDK says "connected" for ever | test_twelve_connections_whose_network_thread_dies_heal_twelve_times, test_twelve_drops_at_the_first_message_after_connecting_lose_nothing |
| paho survives a reset alone | tests/uplink/test_paho_shim.py::test_the_end_of_tls_is_a_reset |
| a connection that is dropped is tried again in 10 ms, for ever | tests/uplink/test_deliver.py::test_back_off_doubles_to_its_cap_while_nobody_answers, tests/uplink/test_deliver.py::test_back_off_starts_over_after_a_healthy_spell_but_not_after_one_success |
| a message that the hub closes on is sent again for ever, and all others starve | test_a_message_that_the_hub_closes_on_is_set_aside_and_all_others_arrive, test_properties_count_towards_the_size_of_a_message |
| a send has no time limit | tests/uplink/test_iotedge.py::test_a_hub_that_falls_silent_is_left_and_found_again, test_a_hub_that_stands_still_is_left_within_the_time_of_one_send |
| a send that was given up is sent again by the same client, and its late answer is an error in the loop | test_a_send_that_was_given_up_comes_once_by_each_connection_it_was_sent_on |
| a send that failed is kept and sent later | test_what_failed_without_a_connection_is_not_sent_by_the_next_one |
| an acknowledgement without a message acknowledges the next one of its number | test_an_acknowledgement_that_comes_late_acknowledges_nothing_else |
| twin requests have no time limit | test_a_change_made_while_the_twin_was_not_answered_is_read_with_the_next_connection |
| after one lost answer changes missed while away never come | test_a_change_made_while_the_twin_was_not_answered_is_read_with_the_next_connection |
| a callback alone does not subscribe to the twin's answers | tests/contract/test_uplink_contract.py::test_connecting_reads_the_twin_and_reports_what_the_inbox_answers, tests/contract/test_uplink_contract.py::test_a_patch_that_comes_before_anyone_listens_for_it_is_kept |
| a hub that lost the session leaves a client deaf | tests/uplink/test_iotedge.py::test_a_change_of_the_twin_arrives_after_the_hub_forgot_the_session |
| setting a callback waits for a SUBACK, and blocks the loop | test_what_a_mute_hub_holds_up_holds_up_nobody_else |
| calls use the default executor, which a mute port fills | test_what_a_mute_hub_holds_up_holds_up_nobody_else |
| a peer that is gone is noticed after twice the keep-alive | test_a_hub_that_stands_still_is_left_within_the_time_of_one_send |
| a method whose callback fails, or takes long, has no answer | tests/twin/test_inbox.py::test_a_method_that_fails_is_answered_and_told, tests/uplink/test_inbound.py::test_a_method_without_an_answer_in_time_is_answered_for_the_inbox |
| callbacks come on foreign threads | tests/uplink/test_inbound.py::test_what_is_heard_on_another_thread_is_served_in_order |
| a client that was not shut down takes the connection from the next one | test_no_connection_is_taken_over_by_one_that_was_left_behind |
| a mute workload API blocks whoever makes a client | test_a_mute_workload_api_holds_up_nobody_else, tests/uplink/test_iotedge.py::test_clients_that_cannot_be_disposed_of_end_the_process |
| a token is renewed by dropping the connection | tests/uplink/test_long_connections.py::test_a_token_that_is_renewed_under_load_costs_a_new_connection_and_loses_nothing |
| one failed signature at renewal is final | tests/uplink/test_long_connections.py::test_a_workload_api_that_fails_at_a_renewal_and_is_healthy_again_costs_nothing_in_the_end |
| a refusal for the credentials is final | test_every_code_of_refusal_is_tried_again, tests/uplink/test_deliver.py::test_refused_credentials_are_tried_again_only_slowly |
| reported properties that the hub refuses raise an error without its code | tests/uplink/test_iotedge.py::test_a_report_the_hub_refuses_is_told_and_the_session_goes_on, tests/twin/test_fitting.py::test_whatever_is_said_a_hub_takes_it_and_every_section_stays_within_its_room |
| an answer longer than a method may give is dropped | tests/twin/test_inbox.py::test_an_answer_too_large_for_the_hub_is_a_sentence_instead |
"""  # noqa: E501  a row of a table is a line

import ast
import asyncio
import json
import re
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from edge_agent.desk.hub_process import HubProcess
from edge_agent.errors import CredentialsRefused, EnvelopeRefused, HubUnreachable
from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.localhub.faults import DropHow
from edge_agent.records import EnvelopeKey, Refused
from edge_agent.uplink.iotedge import MESSAGE_CAP_BYTES, IotEdge
from edge_agent.uplink.quarantine import Patience, Quarantine
from tests.uplink.desk import SHORT, desk, set_environment, until
from tests.uplink.fakes import Recorder, Told, envelope
from tests.uplink.run import Run, acked, deliver, sessions

ADDRESS = "127.0.0.114"
ROOT = Path(__file__).parents[2]
IMPATIENT = Patience(first_s=0.1, cap_s=0.2, healthy_s=0.2, deaths=5, lasts_s=0.5)
LAG_S = 0.8
"""A busy machine may hold up a loop that long; what is asked for here would hold it up for a second and more."""


def test_every_test_that_is_named_above_is_there() -> None:
    rows = [line.split("|")[2].strip() for line in (__doc__ or "").splitlines() if line.startswith("| ")][1:]
    named = [re.fullmatch(r"(?:(.+)::)?(test_\w+)", test.strip()) for row in rows for test in row.split(",")]

    assert len(rows) == 24
    for match in named:
        assert match, rows
        path = ROOT / match[1] if match[1] else Path(__file__)
        functions = ast.walk(ast.parse(path.read_text()))
        assert match[2] in {getattr(node, "name", "") for node in functions}, match[0]


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize("paho", ["mended", "bare"])
async def test_twelve_connections_whose_network_thread_dies_heal_twelve_times(tmp_path: Path, paho: str) -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.uplink.zombie_child", str(tmp_path), "127.0.0.115", paho),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        said, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    outcome = json.loads(said)

    assert child.returncode == 0
    assert outcome["ended"] == 12
    assert outcome["acked"] == 100
    assert outcome["undisposed"] == (0 if paho == "mended" else 12)


@pytest.mark.parametrize("how", [DropHow.ABORT, DropHow.BEFORE_ACK])
async def test_twelve_drops_at_the_first_message_after_connecting_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: DropHow
) -> None:
    async def drop(run: Run) -> None:
        run.desk.hub.drop_after, run.desk.hub.drop_how = 1, how
        await until(sessions(run, 12), limit_s=15)
        run.desk.hub.drop_after = None

    async with desk(tmp_path, ADDRESS, monkeypatch) as parts:
        await deliver(parts, 100, drop, payload=b"x" * 10_000)
    assert parts.log.fields("uplink.session_undisposed") == []


async def test_a_message_that_the_hub_closes_on_is_set_aside_and_all_others_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = EnvelopeKey(1, 20)
    async with desk(tmp_path, ADDRESS, monkeypatch) as parts:
        parts.hub.longest_packet_bytes = 8 * 1024
        run, stop, seqs = Run(parts, 20, quarantine=Quarantine(IMPATIENT)), asyncio.Event(), count(21)
        await run.spool.append([envelope(20, payload=b"x" * 20_000)])
        async with asyncio.TaskGroup() as group:
            group.create_task(run.delivery.run(stop), name="delivery")
            while not run.spool.keys(Refused):  # another that arrives proves that the connection is not to blame
                await run.spool.append([envelope(next(seqs))])
                await asyncio.sleep(0.05)
            await until(lambda: not run.spool.pending)
            stop.set()
        assert {each.seq for each in parts.arrived()} == {seq for seq in range(next(seqs)) if seq != poison.seq}
    assert run.spool.keys(Refused) == [poison]


async def test_properties_count_towards_the_size_of_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(tmp_path, ADDRESS, monkeypatch) as parts:
        session = await parts.uplink.connect(Recorder())
        with pytest.raises(EnvelopeRefused, match=f"a message may have {MESSAGE_CAP_BYTES}"):
            await session.send(envelope(1, payload=bytes(MESSAGE_CAP_BYTES)))
        await session.close()


async def test_a_hub_that_stands_still_is_left_within_the_time_of_one_send(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = HubProcess(tmp_path, ADDRESS)
    await hub.start()
    try:
        set_environment(monkeypatch, hub.environment)
        uplink = IotEdge(Told(), limits=SHORT)
        session = await uplink.connect(Recorder())
        assert hub._process is not None
        hub._process.send_signal(signal.SIGSTOP)
        with pytest.raises(HubUnreachable, match="no acknowledgement within 1 s"):
            await session.send(envelope(1))
        hub._process.send_signal(signal.SIGCONT)
        await session.close()
        session = await uplink.connect(Recorder())
        await session.send(envelope(1))
        await session.close()
    finally:
        await hub.kill()
    assert 1 <= len(list(read_arrivals(tmp_path / "arrived.jsonl"))) <= 2


async def test_a_send_that_was_given_up_comes_once_by_each_connection_it_was_sent_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(tmp_path, ADDRESS, monkeypatch) as parts:
        session = await parts.uplink.connect(Recorder())
        parts.hub.ack_delay_s = 1.5
        with pytest.raises(HubUnreachable, match="no acknowledgement"):
            await session.send(envelope(1))
        await asyncio.sleep(0.8)  # its acknowledgement comes, and nobody waits for it
        await session.close()
        parts.hub.ack_delay_s = 0.0
        session = await parts.uplink.connect(Recorder())
        await session.send(envelope(1))
        await session.close()
        assert Counter(parts.arrived()) == {EnvelopeKey(1, 1): 2}
    assert caplog.records == []


async def test_what_failed_without_a_connection_is_not_sent_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, ADDRESS, monkeypatch) as parts:
        session = await parts.uplink.connect(Recorder())
        await parts.hub.stop()
        with pytest.raises(HubUnreachable):
            await session.send(envelope(1))
        await parts.hub.start()
        again = await parts.uplink.connect(Recorder())  # while the one that failed is not closed yet
        await session.close()
        await again.send(envelope(2))
        await again.close()
        assert parts.arrived() == [EnvelopeKey(1, 2)]


async def test_an_acknowledgement_that_comes_late_acknowledges_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, ADDRESS, monkeypatch) as parts:
        for seq in range(3):  # each is the first message of its connection, with the same number
            parts.hub.ack_delay_s = 1.2
            session = await parts.uplink.connect(Recorder())
            with pytest.raises(HubUnreachable, match="no acknowledgement"):
                await session.send(envelope(seq))
            await session.close()


async def test_a_change_made_while_the_twin_was_not_answered_is_read_with_the_next_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, ADDRESS, monkeypatch) as parts:
        parts.hub.no_twin_reply = True
        with pytest.raises(HubUnreachable, match="no twin within 1 s"):
            await parts.uplink.connect(Recorder())
        await parts.desire({"while": "deaf"})
        parts.hub.no_twin_reply = False
        inbox = Recorder()
        session = await parts.uplink.connect(inbox)
        await session.close()
    assert inbox.documents[0]["desired"] == {"while": "deaf", "$version": 2}


@pytest.mark.parametrize("fault", ["mute_accept", "no_connack", "no_suback", "no_twin_reply"])
async def test_what_a_mute_hub_holds_up_holds_up_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    async with desk(tmp_path, ADDRESS, monkeypatch) as parts:
        setattr(parts.hub, fault, True)
        async with nobody_waits():
            with pytest.raises(HubUnreachable):
                await parts.uplink.connect(Recorder())
        setattr(parts.hub, fault, False)
        await (await parts.uplink.connect(Recorder())).close()


async def test_a_mute_workload_api_holds_up_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mute = socket.socket(socket.AF_UNIX)
    mute.bind(str(tmp_path / "mute.sock"))
    mute.listen()
    async with desk(tmp_path / "hub", ADDRESS, monkeypatch, way="workload") as parts:
        uri = f"unix://{tmp_path / 'mute.sock'}"
        set_environment(monkeypatch, {**parts.hub.environment("workload"), "IOTEDGE_WORKLOADURI": uri})
        async with nobody_waits():
            with pytest.raises(HubUnreachable, match="want of credentials"):
                await IotEdge(Told(), limits=replace(SHORT, create_s=1.0)).connect(Recorder())
        mute.close()


async def test_no_connection_is_taken_over_by_one_that_was_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drop(run: Run) -> None:
        for n in range(6):
            await until(acked(run, 50 * (n + 1)))
            run.desk.drop()
            await until(sessions(run, n + 2))
        assert not [each for each in run.desk.hub.refusals if "took over" in each]

    async with desk(tmp_path, ADDRESS, monkeypatch) as parts:
        await deliver(parts, 500, drop)
        await until(lambda: not parts.hub.connected)


@pytest.mark.parametrize(
    ("code", "means"),
    [(1, HubUnreachable), (2, HubUnreachable), (3, HubUnreachable), (4, CredentialsRefused), (5, CredentialsRefused)],
)
async def test_every_code_of_refusal_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, means: type[HubUnreachable]
) -> None:
    async with desk(tmp_path, ADDRESS, monkeypatch) as parts:
        parts.hub.refuse_code = code
        with pytest.raises(means) as caught:
            await parts.uplink.connect(Recorder())
        assert isinstance(caught.value, CredentialsRefused) == (means is CredentialsRefused)
        parts.hub.refuse_code = None
        await (await parts.uplink.connect(Recorder())).close()


@asynccontextmanager
async def nobody_waits() -> AsyncIterator[None]:
    """While this lasts the loop turns, and its executor takes what others give it."""
    clock, longest = asyncio.get_running_loop().time, 0.0

    async def look() -> None:
        nonlocal longest
        while True:
            begun = clock()
            await asyncio.to_thread(int)
            await asyncio.sleep(0.01)
            longest = max(longest, clock() - begun)

    async with asyncio.TaskGroup() as group:
        looking = group.create_task(look(), name="look")
        yield
        looking.cancel()
    assert 0 < longest < LAG_S
