import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.errors import DiskBusy, DocumentRefused, Fault, LocalHubRefused
from edge_agent.localhub.http import Request, serve_http
from edge_agent.localhub.twins import JsonObject


async def answer(request: Request) -> JsonObject:
    match request.path:
        case ("refused",):
            raise LocalHubRefused(404, "not here")
        case ("judged",):
            raise DocumentRefused([Fault("a", "bad")])
        case ("busy",):
            raise DiskBusy("/x", "full")
    return {
        "method": request.method,
        "path": list(request.path),
        "query": dict(request.query),
        "x": request.headers.get("x-name"),
        "body": request.body.decode("latin-1"),
    }


async def exchange(wire: bytes) -> bytes:
    """What `serve_http` writes, over a pair of real sockets."""
    answers: asyncio.Queue[None] = asyncio.Queue()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve_http(reader, writer, answer)
        writer.transport.abort()
        answers.put_nowait(None)

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(wire)
    writer.write_eof()
    written = await reader.read()
    await answers.get()
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    return written


async def test_a_request_is_read_with_path_and_query_decoded() -> None:
    written = await exchange(b"POST /a%2Fb/c%20d?q=1%202 HTTP/1.1\r\nX-Name:  v \r\nContent-Length: 2\r\n\r\nhi")
    head, _, body = written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert body == b'{"method":"POST","path":["a/b","c d"],"query":{"q":"1 2"},"x":"v","body":"hi"}'


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"GET /refused HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /judged HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /busy HTTP/1.1\r\n\r\n", b"503"),
        (b"hello\r\n\r\n", b"400"),
        (b"GET / HTTP/2\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"411"),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", b"431"),
    ],
)
async def test_what_cannot_be_answered_has_its_own_status(wire: bytes, status: bytes) -> None:
    assert (await exchange(wire)).split(b" ", 2)[1] == status


async def test_a_client_that_leaves_in_the_middle_is_left_alone() -> None:
    assert await exchange(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhal") == b""


@settings(max_examples=40, deadline=None)  # each opens real sockets
@given(
    st.lists(st.sampled_from([b"GET", b" ", b"/", b"HTTP/1.1", b"\r\n", b":", b"?", b"//[", b"%", b"\xff"]), max_size=9)
)
def test_any_head_is_answered(pieces: list[bytes]) -> None:
    assert asyncio.run(exchange(b"".join(pieces) + b"\r\n\r\n")).startswith(b"HTTP/1.1 ")
