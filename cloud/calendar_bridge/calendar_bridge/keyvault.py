"""Grants in Azure Key Vault, plain REST: each a secret of its own.

A name is never used again: a vault keeps what was deleted for a while (soft delete, always on), and answers 409 to who
sets a secret of that name meanwhile.
"""

import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from calendar_bridge.answers import judged, object_of
from calendar_bridge.errors import Absent, TokenExpired, Unreachable
from calendar_bridge.grant_text import read, written
from calendar_bridge.ports import Answer, Clock, Credential, Http
from calendar_bridge.records import Grant

SERVICE = "Key Vault"
API_VERSION = "7.4"
PREFIX = "calendar-"
RESOURCE = "https://vault.azure.net"


class KeyVault:
    """See `ports.Grants`; other secrets of the vault are left alone."""

    def __init__(self, http: Http, clock: Clock, credential: Credential, url: str) -> None:
        self._http, self._clock, self._credential, self._url = http, clock, credential, url

    async def all(self) -> Sequence[Grant]:
        """In any order."""
        names: list[str] = []
        link = f"{self._url}/secrets?api-version={API_VERSION}&maxresults=25"
        while link:
            found = object_of(SERVICE, await self._ask("GET", link))
            rows = found.get("value")
            for row in rows if isinstance(rows, list) else []:
                name = urlsplit(str(row.get("id"))).path.rpartition("/")[2]
                names += [name] if name.startswith(PREFIX) else []
            link = str(found.get("nextLink") or "")
        return [grant for name in names if (grant := await self._one(name))]

    async def put(self, grant: Grant) -> None:
        """On return it is kept, in place of the one of its id."""
        body = {"value": written(grant), "contentType": "application/json"}
        await self._ask("PUT", self._secret(PREFIX + grant.id), json.dumps(body).encode())

    async def remove(self, grant_id: str) -> None:
        """Also where there is none; the vault's own rule says for how long it could be brought back by its owner."""
        try:
            await self._ask("DELETE", self._secret(PREFIX + grant_id))
        except Absent:
            return

    async def _one(self, name: str) -> Grant | None:
        try:
            found = object_of(SERVICE, await self._ask("GET", self._secret(name)))
        except Absent:  # removed meanwhile
            return None
        return read(str(found.get("value")), name)

    def _secret(self, name: str) -> str:
        return f"{self._url}/secrets/{name}?api-version={API_VERSION}"

    async def _ask(self, method: str, url: str, body: bytes = b"") -> Answer:
        if not url.startswith(f"{self._url}/"):
            raise Unreachable(SERVICE, "a link of its leads elsewhere")
        now_s = self._clock.now_s()
        headers = {
            "Authorization": await self._credential.authorization(now_s),
            "Content-Type": "application/json",
        }
        try:
            return judged(SERVICE, await self._http.ask(method, url, headers, body), now_s)
        except TokenExpired as error:
            raise Unreachable(SERVICE, "it does not take our credential") from error
