"""The access token of one grant, and its refresh token, which Microsoft replaces as it is used."""

from dataclasses import replace

from calendar_bridge.ports import Consents, Grants
from calendar_bridge.records import Grant, Tokens

SPARE_S = 300
"""a token is not used in its last five minutes: a round has several requests"""


class Access:
    """Holds the access token in memory alone; a new refresh token is kept before what came with it is used."""

    def __init__(self, grant: Grant, consents: Consents, grants: Grants) -> None:
        self.grant = grant
        self._consents, self._grants = consents, grants
        self._token, self._until_s = "", 0.0
        self._unkept = False

    def begin(self, tokens: Tokens, now_s: float) -> None:
        """With what came at the linking, so that the first round needs no refresh."""
        self._token, self._until_s = tokens.access, now_s + tokens.expires_in_s

    async def token(self, now_s: float) -> str:
        """A good one. Raises ConsentLost, Transient."""
        if not self._token or now_s >= self._until_s - SPARE_S:
            tokens = await self._consents.refresh(self.grant.refresh_token)
            if tokens.refresh and tokens.refresh != self.grant.refresh_token:
                self.grant = replace(self.grant, refresh_token=tokens.refresh)
                self._unkept = True
            self.begin(tokens, now_s)
        if self._unkept:
            await self._grants.put(self.grant)
            self._unkept = False
        return self._token

    def expire(self) -> None:
        """It was not taken: the next is a new one."""
        self._token = ""
