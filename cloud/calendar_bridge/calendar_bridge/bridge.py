"""Who is followed: one task a grant, begun at the start or at a linking, ended with the consent."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from calendar_bridge import events
from calendar_bridge.access import Access
from calendar_bridge.errors import Absent, LinkRejected, Refused
from calendar_bridge.follower import Follower, World
from calendar_bridge.linking import Linking
from calendar_bridge.ports import Consents, Grants
from calendar_bridge.records import Grant

SEEDS_PER_S = 50.0
"""at the start the first rounds are spread, so that Graph is not asked for everybody's at once"""


@dataclass(frozen=True, slots=True)
class _Followed:
    follower: Follower
    grant_id: str
    task: asyncio.Task[None]


class Bridge:
    """See `web.Desk`; used within the task group that owns its tasks."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        world: World,
        consents: Consents,
        grants: Grants,
        secret: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._group, self._world, self._consents, self._grants = group, world, consents, grants
        self._secret = secret
        self._linking = Linking(secret)
        self._followed: dict[tuple[str, str], _Followed] = {}

    def follow(self, grants: Sequence[Grant]) -> None:
        """At the start."""
        now_s = self._world.clock.now_s()
        for number, grant in enumerate(grants):
            self._begin(Access(grant, self._consents, self._grants), now_s + number / SEEDS_PER_S)

    def stop(self) -> None:
        """What is there stays there; nobody is followed any more."""
        for one in self._followed.values():
            one.task.cancel()

    def begin_link(self, vehicle: str, profile: str, car_key: str) -> tuple[str, str]:
        """Where the phone goes, and the cookie it is known by. Raises LinkRejected."""
        state, pending = self._linking.begin(vehicle, profile, car_key, self._world.clock.now_s())
        return self._consents.login_url(state, pending.challenge), pending.cookie

    async def end_link(self, state: str, code: str, cookie: str) -> None:
        """The driver has consented. Raises LinkRejected, ConsentLost, Transient."""
        now_s = self._world.clock.now_s()
        pending = self._linking.end(state, cookie, now_s)
        tokens = await self._consents.redeem(code, pending.verifier)
        if not tokens.refresh:
            raise LinkRejected("the sign-in gave no lasting consent")
        await self._require_key(pending.vehicle, pending.car_key)
        grant = Grant(secrets.token_hex(16), pending.vehicle, pending.profile, pending.car_key, tokens.refresh)
        await self._grants.put(grant)
        await self._make_room(grant)
        access = Access(grant, self._consents, self._grants)
        access.begin(tokens, now_s)
        events.calendar_linked(self._world.log, seat=self._begin(access, now_s).seat)

    def notified(self, client_state: str, lifecycle: str) -> bool:
        """Whether it was known: the state begins with the grant's id, the rest is a secret of this process."""
        grant_id = client_state.partition(".")[0]
        found = next((one.follower for one in self._followed.values() if one.grant_id == grant_id), None)
        return found is not None and found.notified(client_state, lifecycle)

    async def _require_key(self, vehicle: str, car_key: str) -> None:
        try:
            twin = await self._world.twins.read(vehicle)
        except (Absent, Refused) as error:
            raise LinkRejected("this vehicle is not known here") from error
        if twin.car_key != car_key:
            raise LinkRejected("the car has another key by now: scan the code again")

    async def _make_room(self, grant: Grant) -> None:
        before = self._followed.pop(grant.seat, None)
        if before is not None:
            before.task.cancel()
            await before.follower.unsubscribe()
            await self._grants.remove(before.grant_id)
            events.seat_replaced(self._world.log, seat=before.follower.seat)

    def _begin(self, access: Access, first_s: float) -> Follower:
        grant = access.grant
        follower = Follower(access, self._world, f"{grant.id}.{self._secret()}", first_s=first_s)
        task = self._group.create_task(self._run(follower, grant), name=f"follower {follower.seat}")
        self._followed[grant.seat] = _Followed(follower, grant.id, task)
        return follower

    async def _run(self, follower: Follower, grant: Grant) -> None:
        await follower.run()
        await self._grants.remove(grant.id)
        if (there := self._followed.get(grant.seat)) and there.follower is follower:
            del self._followed[grant.seat]
