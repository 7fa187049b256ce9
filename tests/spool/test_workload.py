import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.errors import KeyUnavailable, WorkloadRefused
from edge_agent.localhub.hub import LocalHub
from edge_agent.spool.workload import WorkloadApi
from tests.localhub.conftest import address

__all__ = ["address"]

VECTOR = bytes(12)


@pytest.fixture
async def api(tmp_path: Path, address: str) -> AsyncIterator[WorkloadApi]:
    """The workload API of a hub, for its module."""
    hub = LocalHub(tmp_path / "hub", address, identities=[("demo-vehicle", "cabin")])
    await hub.start()
    told = hub.environment("workload")
    names = ("IOTEDGE_WORKLOADURI", "IOTEDGE_APIVERSION", "IOTEDGE_MODULEID", "IOTEDGE_MODULEGENERATIONID")
    uri, api_version, module, generation = (told[name] for name in names)
    yield WorkloadApi(uri, api_version, module, generation)
    await hub.stop()


async def test_what_was_encrypted_can_be_decrypted(api: WorkloadApi) -> None:
    secret = os.urandom(32)
    ciphertext = await asyncio.to_thread(api.encrypt, secret, VECTOR)

    assert secret not in ciphertext
    assert await asyncio.to_thread(api.decrypt, ciphertext, VECTOR) == secret


async def test_the_daemons_refusal_is_told_as_it_says_it(api: WorkloadApi) -> None:
    ciphertext = await asyncio.to_thread(api.encrypt, b"secret", VECTOR)
    unknown = replace(api, module="n/a #1")

    for asked, vector, status, why in (
        (api, bytes(16), 500, "could not decrypt"),
        (replace(api, generation="another"), VECTOR, 404, "'another' is not known"),
        (unknown, VECTOR, 404, "module 'n/a #1'"),
    ):
        with pytest.raises(WorkloadRefused, match=why) as refused:
            await asyncio.to_thread(asked.decrypt, ciphertext, vector)
        assert refused.value.status == status


def test_a_socket_that_is_not_there_may_come(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match=r"none.sock does not answer: .*No such file"):
        WorkloadApi(f"unix://{tmp_path}/none.sock", "2020-07-07", "agent", "1").encrypt(b"", VECTOR)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:none", "http://[::1", "http://127.0.0.1:99999"])
def test_an_address_that_is_none_is_a_key_that_is_not_here(uri: str) -> None:
    with pytest.raises(KeyUnavailable, match="does not answer: "):
        WorkloadApi(uri, "2020-07-07", "agent", "1").encrypt(b"", VECTOR)


ANSWERS = {
    "closed without a word": (b"", KeyUnavailable, "does not answer"),
    "not HTTP": (b"EH?\r\n\r\n", KeyUnavailable, "does not answer"),
    "cut off": (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", KeyUnavailable, "does not answer"),
    "not JSON": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", WorkloadRefused, "no plaintext in base64"),
    "not base64": (
        b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"plaintext":"*"}',
        WorkloadRefused,
        "no plaintext in base64",
    ),
    "no object": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7", WorkloadRefused, "no plaintext in base64"),
    "an error in plain text": (b"HTTP/1.1 502 Bad\r\nContent-Length: 5\r\n\r\noops\n", WorkloadRefused, "502: oops"),
}


@pytest.mark.parametrize(("answer", "error", "why"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("scheme", ["unix", "http"])
async def test_an_answer_that_is_none_is_an_error_of_ours(
    tmp_path: Path, scheme: str, answer: bytes, error: type[Exception], why: str
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(answer)
        writer.close()

    if scheme == "unix":
        server: asyncio.Server = await asyncio.start_unix_server(serve, tmp_path / "w.sock")
        uri = f"unix://{tmp_path}/w.sock"
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        with pytest.raises(error, match=why):
            await asyncio.to_thread(WorkloadApi(uri, "2020-07-07", "agent", "1").decrypt, b"x", VECTOR)


async def test_a_mute_daemon_holds_nobody_up_for_long(tmp_path: Path) -> None:
    done = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "w.sock"):
        api = WorkloadApi(f"unix://{tmp_path}/w.sock", "2020-07-07", "agent", "1", limit_s=0.1)
        with pytest.raises(KeyUnavailable, match="timed out"):
            await asyncio.to_thread(api.encrypt, b"x", VECTOR)
        done.set()
