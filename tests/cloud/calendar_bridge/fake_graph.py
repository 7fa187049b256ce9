"""Microsoft Graph as its documents tell of it, over one mailbox: delta rounds, series, subscriptions, sign-in."""

import base64
import hashlib
import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from tests.cloud.calendar_bridge.mailbox import Appointment
from tests.cloud.calendar_bridge.web_server import Asked, Reply, Route, WebServer

GONE = {"error": {"code": "SyncStateNotFound", "message": "The sync state generation is not found"}}


class FakeGraph:
    """`appointments` is the truth; every change goes through `put` and `remove`, which the delta remembers."""

    def __init__(self, server: WebServer) -> None:
        self.server = server
        self.appointments: dict[str, Appointment] = {}
        self.changed: list[str] = []
        self.page_size = 3
        self.ignores_prefer = False
        self.generation = 1
        self.refresh_token, self.access_token = "refresh-1", "access-1"
        self.sign_ins: dict[str, str] = {}
        """challenge of PKCE, by code"""
        self.revoked = False
        self.refreshed = 0
        self.subscriptions: dict[str, dict[str, object]] = {}
        self.validates = True
        server.routes["/v1.0/me/calendarView/delta"] = self._signed(self._delta)
        server.routes["/v1.0/me/events/"] = self._signed(self._event)
        server.routes["/v1.0/subscriptions"] = self._signed(self._subscribe)
        server.routes["/common/oauth2/v2.0/token"] = self._token

    @property
    def url(self) -> str:
        return f"{self.server.url}/v1.0"

    def put(self, appointment: Appointment) -> None:
        before = self.appointments.get(appointment.id)
        self.appointments[appointment.id] = appointment
        gone = set(before.times) - set(appointment.times) if before else set()
        self.changed += [f"{appointment.id}:{number}" for number in gone]
        self.changed += [f"{appointment.id}:{number}" for number in appointment.times]
        self.changed.append(appointment.id)

    def remove(self, appointment_id: str) -> None:
        before = self.appointments.pop(appointment_id)
        self.changed += [appointment_id, *(f"{appointment_id}:{number}" for number in before.times)]

    def forget_tokens(self) -> None:
        self.generation += 1

    def sign_in(self, login_url: str, code: str = "code-1") -> str:
        """The driver consents on the phone; the state that comes back."""
        query = dict(part.split("=", 1) for part in urlsplit(login_url).query.split("&"))
        self.sign_ins[code] = query["code_challenge"]
        return query["state"]

    def tell(self, row: dict[str, object]) -> int:
        """Send one notification to the hook; its status."""
        hook = urlsplit(str(next(iter(self.subscriptions.values()))["notificationUrl"]))
        return _post(hook.hostname or "", hook.port or 80, hook.path, json.dumps({"value": [row]}))[0]

    def _signed(self, route: Route) -> Route:
        def answer(asked: Asked) -> Reply:
            if asked.headers.get("authorization") != f"Bearer {self.access_token}":
                return Reply(401, {"error": {"code": "InvalidAuthenticationToken"}})
            return route(asked)

        return answer

    def _delta(self, asked: Asked) -> Reply:
        if any(name in asked.query for name in ("$select", "$filter", "$expand", "$orderby", "$top")):
            return Reply(400, {"error": {"code": "ErrorInvalidUrlQuery"}})
        token = asked.query.get("$skiptoken") or asked.query.get("$deltatoken")
        if token:
            generation, begin, end, since, until, offset = map(int, token.split("."))
            if generation != self.generation:
                return Reply(410, GONE)
            if "$deltatoken" in asked.query:
                since, until, offset = until, len(self.changed), 0
        else:
            begin, end = (_seconds(asked.query[name]) for name in ("startDateTime", "endDateTime"))
            since, until, offset = -1, len(self.changed), 0
        zone = self._zone(asked)
        rows = list(self._rows(begin, end, since, until, zone))
        page = rows[offset : offset + self.page_size]
        offset += self.page_size
        state = f"{self.generation}.{begin}.{end}.{since}.{until}"
        if offset < len(rows):
            link = {"@odata.nextLink": f"{self.url}/me/calendarView/delta?$skiptoken={state}.{offset}"}
        else:
            link = {"@odata.deltaLink": f"{self.url}/me/calendarView/delta?$deltatoken={state}.0"}
        return Reply(200, {"value": page, **link})

    def _zone(self, asked: Asked) -> str:
        wishes = 'outlook.timezone="UTC"' in asked.headers.get("prefer", "")
        return "UTC" if wishes and not self.ignores_prefer else "W. Europe Standard Time"

    def _rows(self, begin: int, end: int, since: int, until: int, zone: str) -> Iterator[dict[str, object]]:
        if since < 0:
            for one in self.appointments.values():
                yield from self._whole(one, begin, end, zone)
            return
        for event_id in reversed(self.changed[since:until]):  # the same one as often as it was changed
            series_id, _, number = event_id.partition(":")
            changed = self.appointments.get(series_id)
            if changed is None or (number and int(number) not in changed.times):
                yield _removed(event_id)
            elif number:
                own = next(each for each in changed.occurrences() if each.id == event_id)
                yield changed.stub(int(number), zone) if _within(own, begin, end) else _removed(event_id)
            else:
                yield changed.graph(zone) if _within(changed, begin, end) else _removed(event_id)

    def _whole(self, one: Appointment, begin: int, end: int, zone: str) -> Iterator[dict[str, object]]:
        for own in one.occurrences():
            if _within(own, begin, end):
                yield one.stub(int(own.id.partition(":")[2]), zone) if one.is_series else one.graph(zone)
        if one.is_series and _within(one, begin, end):  # not one that began before the window
            yield one.graph(zone)

    def _event(self, asked: Asked) -> Reply:
        one = self.appointments.get(asked.path.rpartition("/")[2])
        return Reply(200, one.graph(self._zone(asked))) if one else Reply(404, {"error": {"code": "ErrorItemNotFound"}})

    def _token(self, asked: Asked) -> Reply:
        form = asked.form
        match form["grant_type"]:
            case "authorization_code":
                digest = hashlib.sha256(form["code_verifier"].encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
                good = self.sign_ins.pop(form["code"], "") == challenge
            case _:
                good = form["refresh_token"] == self.refresh_token and not self.revoked
        if not good or form["client_secret"] != "client-secret":  # noqa: S105  the fake's
            return Reply(400, {"error": "invalid_grant", "error_description": "AADSTS70008"})
        self.refreshed += 1
        self.refresh_token, self.access_token = f"refresh-{self.refreshed + 1}", f"access-{self.refreshed + 1}"
        tokens = {"access_token": self.access_token, "refresh_token": self.refresh_token}
        return Reply(200, {"token_type": "Bearer", "expires_in": 3599, **tokens})

    def _subscribe(self, asked: Asked) -> Reply:
        name = asked.path.removeprefix("/v1.0/subscriptions").lstrip("/")
        if asked.method == "DELETE":
            return Reply(204 if self.subscriptions.pop(name, None) else 404)
        if asked.method == "PATCH":
            if name not in self.subscriptions:
                return Reply(404, {"error": {"code": "ResourceNotFound"}})
            self.subscriptions[name] |= asked.json
            return Reply(200, {"id": name, **self.subscriptions[name]})
        wanted = asked.json
        hook = urlsplit(str(wanted["notificationUrl"]))
        token = "Validation: Testing client application reachability for subscription Request-Id: 1 & ü"  # noqa: S105
        if self.validates:
            path = f"{hook.path}?validationToken={quote(token)}"
            status, kind, body = _post(hook.hostname or "", hook.port or 80, path, "")
            if (status, body) != (200, token) or not kind.startswith("text/plain"):
                return Reply(400, {"error": {"code": "ValidationError"}})
        name = f"subscription-{len(self.server.asked)}"
        self.subscriptions[name] = wanted
        return Reply(201, {"id": name, **wanted})


def _removed(event_id: str) -> dict[str, object]:
    return {"id": event_id, "@removed": {"reason": "deleted"}}


def _within(one: Appointment, begin: int, end: int) -> bool:
    starts, ends = (moment.timestamp() for moment in one.stored())
    return starts < end and max(ends, starts + 1) > begin


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp())


def _post(host: str, port: int, path: str, body: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("POST", path, body.encode(), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.headers.get("content-type", ""), response.read().decode()
    finally:
        connection.close()
