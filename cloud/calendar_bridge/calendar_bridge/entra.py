"""Microsoft's token endpoint: the authorisation code with PKCE, and refresh tokens that are replaced.

A web application with a secret of its own (confidential client); the driver signs in on the phone, and neither
password nor token comes near the car. Device code in the car is no way: Microsoft recommends to block it, and the
token would be there.
"""

from urllib.parse import urlencode

from calendar_bridge.answers import error_code, judged, object_of
from calendar_bridge.errors import ConsentLost, Unreachable
from calendar_bridge.ports import Clock, Http
from calendar_bridge.records import Tokens

SERVICE = "the sign-in"
SCOPE = "offline_access https://graph.microsoft.com/Calendars.Read"
"""least of what `event: delta` is documented to need, delegated"""
_OVER = {"invalid_grant", "interaction_required", "consent_required", "login_required", "access_denied"}
"""the driver has to sign in again: a retry never helps"""


class Entra:
    """See `ports.Consents`."""

    def __init__(
        self, http: Http, clock: Clock, url: str, *, client_id: str, client_secret: str, redirect_url: str
    ) -> None:
        """`url` is `https://login.microsoftonline.com/{tenant}/oauth2/v2.0`."""
        self._http, self._clock, self._url = http, clock, url
        self._client = {"client_id": client_id, "redirect_uri": redirect_url}
        self._secret = client_secret

    def login_url(self, state: str, challenge: str) -> str:
        """Where the driver's phone goes to consent."""
        query = {
            **self._client,
            "response_type": "code",
            "response_mode": "query",
            "scope": SCOPE,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "prompt": "select_account",
        }
        return f"{self._url}/authorize?{urlencode(query)}"

    async def redeem(self, code: str, verifier: str) -> Tokens:
        """What the phone came back with. Raises ConsentLost."""
        return await self._tokens(grant_type="authorization_code", code=code, code_verifier=verifier)

    async def refresh(self, refresh_token: str) -> Tokens:
        """New ones. Raises ConsentLost."""
        return await self._tokens(grant_type="refresh_token", refresh_token=refresh_token)

    async def _tokens(self, **asked: str) -> Tokens:
        form = {**self._client, "client_secret": self._secret, "scope": SCOPE, **asked}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = await self._http.ask("POST", f"{self._url}/token", headers, urlencode(form).encode())
        if (code := error_code(answer)) in _OVER:
            raise ConsentLost(code)
        found = object_of(SERVICE, judged(SERVICE, answer, self._clock.now_s()))
        match found:
            case {"access_token": str() as access, "expires_in": int() as seconds}:
                refresh = found.get("refresh_token")
                return Tokens(access, refresh if isinstance(refresh, str) else "", seconds)
        raise Unreachable(SERVICE, "its answer has no token")
