"""Module twins through IoT Hub's service side, plain REST."""

import json
from collections.abc import Mapping
from urllib.parse import quote

from calendar_bridge.answers import judged, object_of
from calendar_bridge.errors import TokenExpired, Unreachable
from calendar_bridge.ports import Answer, Clock, Credential, Http, Patch
from calendar_bridge.records import CarTwin, Held

SERVICE = "IoT Hub"
API_VERSION = "2021-04-12"


class IotHub:
    """See `ports.Twins`; `module` is the head unit's."""

    def __init__(self, http: Http, clock: Clock, credential: Credential, url: str, module: str) -> None:
        self._http, self._clock, self._credential, self._url, self._module = http, clock, credential, url, module

    async def read(self, vehicle: str) -> CarTwin:
        """Raises Absent, Refused."""
        found = object_of(SERVICE, await self._ask("GET", vehicle, {}))
        properties = _object(found.get("properties"))
        return twin_of(_object(properties.get("desired")), _object(properties.get("reported")))

    async def patch(self, vehicle: str, profile: str, patch: Patch | None) -> None:
        """Change a profile's items, or remove them all (None). Raises Absent, Refused."""
        desired = {"calendar": {profile: patch}}
        await self._ask("PATCH", vehicle, {"properties": {"desired": desired}})

    async def _ask(self, method: str, vehicle: str, body: Mapping[str, object]) -> Answer:
        now_s = self._clock.now_s()
        headers = {
            "Authorization": await self._credential.authorization(now_s),
            "Content-Type": "application/json",
            # Nobody else writes a profile's items, and a patch names each: whatever else has changed may stay.
            **({"If-Match": "*"} if method == "PATCH" else {}),
        }
        path = f"/twins/{quote(vehicle, safe='')}/modules/{quote(self._module, safe='')}?api-version={API_VERSION}"
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() if body else b""
        answer = await self._http.ask(method, f"{self._url}{path}", headers, content)
        try:
            return judged(SERVICE, answer, now_s)
        except TokenExpired as error:  # not the driver's: ours, and not mended by a new sign-in
            raise Unreachable(SERVICE, "it does not take our credential") from error


def twin_of(desired: Mapping[str, object], reported: Mapping[str, object]) -> CarTwin:
    """What of a module's twin concerns us; anything else there is nobody's mistake of ours."""
    calendar = _object(desired.get("calendar"))
    other = {name: value for name, value in desired.items() if name != "calendar" and not name.startswith("$")}
    key = _object(reported.get("calendar")).get("key")
    return CarTwin(
        car_key=key if isinstance(key, str) else "",
        calendar={profile: _held(_object(items)) for profile, items in calendar.items()},
        other_bytes=_size(other),
        bytes_by_profile={profile: _size({profile: items}) for profile, items in calendar.items()},
    )


def _held(items: Mapping[str, object]) -> dict[str, Held]:
    return {key: Held(_int(item, "n"), _int(item, "u")) for key, item in items.items()}


def _int(item: object, name: str) -> int:
    value = _object(item).get(name)
    return int(value) if isinstance(value, int | float) else 0


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
