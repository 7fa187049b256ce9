"""The service side of an IoT hub and a key vault, as their REST references have it."""

import base64
import hashlib
import hmac
import json
import time
from urllib.parse import parse_qs, quote_plus, unquote_plus

from tests.cloud.calendar_bridge.web_server import Asked, Reply, WebServer

POLICY_KEY = base64.b64encode(b"the policy's key, 32 bytes long.").decode()
DESIRED_BYTES = 32 * 1024


class FakeHub:
    """Module twins: merge patches, null removes, 32 KB of desired properties."""

    def __init__(self, server: WebServer, host: str) -> None:
        self.host = host
        self.desired: dict[str, dict[str, object]] = {}
        self.reported: dict[str, dict[str, object]] = {}
        self.patches = 0
        server.routes["/twins/"] = self._answer

    def _answer(self, asked: Asked) -> Reply:
        if not signed(asked.headers.get("authorization", ""), self.host):
            return Reply(401, {"Message": "ErrorCode:IotHubUnauthorizedAccess"})
        assert asked.query == {"api-version": "2021-04-12"}
        vehicle, _, module = asked.path.removeprefix("/twins/").partition("/modules/")
        if vehicle not in self.desired or module != "cabin":
            return Reply(404, {"Message": "ErrorCode:ModuleNotFound"})
        if asked.method == "PATCH":
            assert asked.headers["if-match"] == "*"
            merged = merge(self.desired[vehicle], _section(asked.json, "properties", "desired"))
            if len(json.dumps(merged, separators=(",", ":"))) > DESIRED_BYTES:
                return Reply(400, {"Message": "ErrorCode:ArgumentInvalid"})
            self.desired[vehicle] = merged
            self.patches += 1
        version = {"$version": self.patches + 1, "$metadata": {"$lastUpdated": "2026-11-22T00:00:00Z"}}
        properties = {"desired": {**self.desired[vehicle], **version}, "reported": self.reported.get(vehicle, {})}
        return Reply(200, {"deviceId": vehicle, "moduleId": module, "properties": properties})


class FakeVault:
    """Secrets, by pages of two; what was deleted keeps its name for a while."""

    def __init__(self, server: WebServer) -> None:
        self.url = server.url
        self.secrets: dict[str, str] = {"somebody-elses": "not a grant"}
        self.deleted: set[str] = set()
        server.routes["/secrets"] = self._answer

    def _answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != "Bearer vault-token":
            return Reply(401, {"error": {"code": "Unauthorized"}})
        name = asked.path.removeprefix("/secrets").lstrip("/")
        match asked.method:
            case "PUT" if name in self.deleted:
                return Reply(
                    409, {"error": {"code": "Conflict", "innererror": {"code": "ObjectIsDeletedButRecoverable"}}}
                )
            case "PUT":
                self.secrets[name] = str(asked.json["value"])
            case "DELETE" if name in self.secrets:
                del self.secrets[name]
                self.deleted.add(name)
                return Reply(200, {})
            case "GET" if not name:
                return self._list(int(asked.query.get("$skiptoken", "0")))
        if name not in self.secrets:
            return Reply(404, {"error": {"code": "SecretNotFound"}})
        return Reply(200, {"id": f"{self.url}/secrets/{name}/version", "value": self.secrets[name]})

    def _list(self, offset: int) -> Reply:
        names = sorted(self.secrets)
        rows = [{"id": f"{self.url}/secrets/{name}"} for name in names[offset : offset + 2]]
        more = f"{self.url}/secrets?api-version=7.4&$skiptoken={offset + 2}" if offset + 2 < len(names) else None
        return Reply(200, {"value": rows, "nextLink": more})


def merge(document: dict[str, object], patch: dict[str, object]) -> dict[str, object]:
    """As a twin is patched (RFC 7396)."""
    merged = dict(document)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            before = merged.get(name)
            merged[name] = merge(before if isinstance(before, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def signed(authorization: str, host: str) -> bool:
    """Whether a shared access signature is that of the policy, for this hub, and not over."""
    kind, _, rest = authorization.partition(" ")
    fields = {name: values[0] for name, values in parse_qs(rest).items()}
    if kind != "SharedAccessSignature" or unquote_plus(fields["sr"]) != host or fields["skn"] != "service":
        return False
    message = f"{quote_plus(host)}\n{fields['se']}".encode()
    good = base64.b64encode(hmac.digest(base64.b64decode(POLICY_KEY), message, hashlib.sha256)).decode()
    return hmac.compare_digest(good, fields["sig"]) and int(fields["se"]) > time.time() - 10 * 365 * 86_400


def _section(body: dict[str, object], *names: str) -> dict[str, object]:
    found: object = body
    for name in names:
        assert isinstance(found, dict)
        found = found[name]
    assert isinstance(found, dict)
    return found
