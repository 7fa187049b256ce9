"""A real HTTP server on loopback for the fakes: a thread, routes as functions, and failures that are asked for."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def json(self) -> dict[str, object]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Asked], Reply]


class WebServer:
    """Answers by the first route whose prefix fits; `failures` are answered first, one a request that they are for."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.routes: dict[str, Route] = {}
        self.failures: list[tuple[str, Reply]] = []
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        self._running, self.most_at_once = 0, 0
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @contextmanager
    def running(self) -> Iterator["WebServer"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="fake web", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def answer(self, asked: Asked) -> Reply:
        with self.lock:
            self.asked.append(asked)
            for number, (prefix, reply) in enumerate(self.failures):
                if asked.path.startswith(prefix):
                    del self.failures[number]
                    return reply
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        try:
            for prefix, route in self.routes.items():
                if asked.path.startswith(prefix):
                    return route(asked)
            return Reply(404)
        finally:
            with self.lock:
                self._running -= 1

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5
            wbufsize = -1  # one segment an answer: two would wait 40 ms for each other

            def _answer(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", "0")))
                reply = server.answer(Asked(self.command, unquote(parts.path), query, headers, body))
                content = b"" if reply.body is None else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815  the library's names

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        return Handler
