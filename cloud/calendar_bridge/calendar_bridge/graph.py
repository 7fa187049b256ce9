"""Microsoft Graph: the delta of a calendar view, single events, subscriptions; plain REST, v1.0."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from calendar_bridge.answers import error_code, judged, object_of
from calendar_bridge.errors import DeltaLost, Unreachable
from calendar_bridge.ports import Answer, Clock, Http
from calendar_bridge.records import Event, Page, Subscription, Window
from calendar_bridge.schedule import SUBSCRIPTION_S

SERVICE = "Graph"
PAGE_SIZE = 50
PREFER = f'outlook.timezone="UTC", odata.maxpagesize={PAGE_SIZE}'
"""On each request of a round; the links do not carry it."""
SELECTED = (
    "id,type,subject,start,end,isAllDay,isCancelled,isDraft,location,organizer,onlineMeeting,sensitivity,showAs,"
    "responseStatus,originalStartTimeZone,originalEndTimeZone"
)
"""of a single event; a delta of a calendar view has whole events, bodies too, whether wanted or not"""
_LOST = ("syncstate", "resync", "errorinvalidsyncstate")
"""beginnings of error codes that come with 410, and have come with 400"""
_MARGIN_S = 60
"""a subscription asked for to the last second may be refused for the clocks' difference"""


class Graph:
    """See `ports.Calendar` and `ports.Notifications`. One request at a time a driver: Graph allows 4 a mailbox."""

    def __init__(self, http: Http, clock: Clock, url: str, hook_url: str) -> None:
        """`url` is the service's with its version, `hook_url` where it tells of changes; no slash behind either."""
        self._http, self._clock, self._url, self._hook_url = http, clock, url, hook_url

    async def seed(self, access: str, window: Window) -> Page:
        """The first page of what is in the window."""
        query = urlencode({"startDateTime": _time(window.from_s), "endDateTime": _time(window.to_s)})
        return await self.follow(access, f"{self._url}/me/calendarView/delta?{query}")

    async def follow(self, access: str, link: str) -> Page:
        """The page behind a link of another, if it is one of Graph's. Raises DeltaLost, TokenExpired, Refused."""
        if not link.startswith(f"{self._url}/"):
            raise DeltaLost
        answer = await self._http.ask("GET", link, _headers(access, Prefer=PREFER))
        if _is_lost(answer):
            raise DeltaLost
        return _page(object_of(SERVICE, judged(SERVICE, answer, self._clock.now_s())))

    async def event(self, access: str, event_id: str) -> Event:
        """One event. Raises Absent, TokenExpired, Refused."""
        url = f"{self._url}/me/events/{quote(event_id, safe='')}?{urlencode({'$select': SELECTED}, safe='$,')}"
        answer = await self._http.ask("GET", url, _headers(access, Prefer='outlook.timezone="UTC"'))
        return object_of(SERVICE, judged(SERVICE, answer, self._clock.now_s()))

    async def subscribe(self, access: str, client_state: str, now_s: float) -> Subscription:
        """From now on; Graph asks the hook for its token before it answers. Raises TokenExpired, Refused."""
        wanted = {
            "changeType": "created,updated,deleted",
            "notificationUrl": self._hook_url,
            "lifecycleNotificationUrl": self._hook_url,
            "resource": "/me/events",
            "expirationDateTime": _expiry(now_s),
            "clientState": client_state,
            "latestSupportedTlsVersion": "v1_2",
        }
        return await self._subscription("POST", "", access, wanted)

    async def renew(self, access: str, subscription: str, now_s: float) -> Subscription:
        """For as long again; authorises it anew too. Raises Absent, TokenExpired, Refused."""
        return await self._subscription(
            "PATCH", f"/{quote(subscription, safe='')}", access, {"expirationDateTime": _expiry(now_s)}
        )

    async def unsubscribe(self, access: str, subscription: str) -> None:
        """No more; also where there is none."""
        url = f"{self._url}/subscriptions/{quote(subscription, safe='')}"
        answer = await self._http.ask("DELETE", url, _headers(access))
        if answer.status != 404:  # noqa: PLR2004  Not Found
            judged(SERVICE, answer, self._clock.now_s())

    async def _subscription(self, method: str, path: str, access: str, wanted: Mapping[str, str]) -> Subscription:
        headers = _headers(access, **{"Content-Type": "application/json"})
        answer = await self._http.ask(method, f"{self._url}/subscriptions{path}", headers, json.dumps(wanted).encode())
        found = object_of(SERVICE, judged(SERVICE, answer, self._clock.now_s()))
        return Subscription(str(found.get("id")), _seconds(found.get("expirationDateTime")))


def _headers(access: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access}", "Accept": "application/json", **more}


def _is_lost(answer: Answer) -> bool:
    if answer.status in {404, 410}:  # a link that will not be there again must not be asked for until midnight
        return True
    return answer.status == 400 and error_code(answer).lower().startswith(_LOST)  # noqa: PLR2004  Bad Request


def _page(found: Mapping[str, object]) -> Page:
    events = found.get("value")
    links = str(found.get("@odata.nextLink") or ""), str(found.get("@odata.deltaLink") or "")
    if not isinstance(events, list) or bool(links[0]) == bool(links[1]):
        raise Unreachable(SERVICE, "its page has no events or not one link")
    return Page([one for one in events if isinstance(one, dict) and isinstance(one.get("id"), str)], *links)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _expiry(now_s: float) -> str:
    return _time(now_s + SUBSCRIPTION_S - _MARGIN_S)


def _seconds(value: object) -> float:
    try:
        return datetime.fromisoformat(str(value)[:19]).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise Unreachable(SERVICE, "its subscription has no end") from error
