"""Who the bridge is to Azure: a shared access policy of the hub, or the managed identity of its container."""

import base64
import hashlib
import hmac
from urllib.parse import quote_plus, urlencode

from calendar_bridge.answers import judged, object_of
from calendar_bridge.errors import BadSettings, Unreachable
from calendar_bridge.ports import Http

SAS_S = 3_600
SPARE_S = 300
SERVICE = "the managed identity"
_API_VERSION = "2019-08-01"


class SharedAccess:
    """A policy of an IoT hub; `ServiceConnect` is enough for twins."""

    def __init__(self, host: str, policy: str, key: str) -> None:
        """`key` is base64. Raises BadSettings."""
        self._host, self._policy = host, policy
        try:
            self._key = base64.b64decode(key, validate=True)
        except ValueError as error:
            raise BadSettings("the key of the hub's policy is not base64") from error

    async def authorization(self, now_s: float) -> str:
        """`SharedAccessSignature …`, good for an hour (Microsoft Learn, "Control access to IoT Hub")."""
        resource, expiry = quote_plus(self._host), str(int(now_s) + SAS_S)
        digest = hmac.digest(self._key, f"{resource}\n{expiry}".encode(), hashlib.sha256)
        sign = quote_plus(base64.b64encode(digest))
        return f"SharedAccessSignature sr={resource}&sig={sign}&se={expiry}&skn={quote_plus(self._policy)}"


class ManagedIdentity:
    """Of a Container App or a Function, as its environment offers it."""

    def __init__(self, http: Http, endpoint: str, header: str, resource: str) -> None:
        """`endpoint` and `header` stand in IDENTITY_ENDPOINT and IDENTITY_HEADER."""
        self._http, self._endpoint, self._header, self._resource = http, endpoint, header, resource
        self._token, self._until_s = "", 0.0

    async def authorization(self, now_s: float) -> str:
        """`Bearer …`, asked for anew five minutes before its end."""
        if now_s >= self._until_s - SPARE_S:
            query = urlencode({"api-version": _API_VERSION, "resource": self._resource})
            answer = await self._http.ask("GET", f"{self._endpoint}?{query}", {"X-IDENTITY-HEADER": self._header})
            found = object_of(SERVICE, judged(SERVICE, answer, now_s))
            token, until = found.get("access_token"), str(found.get("expires_on"))
            if not isinstance(token, str) or not until.isdigit():
                raise Unreachable(SERVICE, "its answer has no token")
            self._token, self._until_s = token, float(until)
        return f"Bearer {self._token}"
