"""One grant's loop: rounds of the delta, the twin's patches, the subscription; a shell over view, items and patches.

Everything of the calendar is in memory alone. A process that starts again reads the window anew and sends every item
again, for what is in the twin can be opened by the car alone.
"""

import asyncio
import contextlib
import hashlib
import hmac
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from calendar_bridge import events
from calendar_bridge.access import Access
from calendar_bridge.errors import Absent, BridgeError, ConsentLost, DeltaLost, Rejected, TokenExpired, Transient
from calendar_bridge.events import Log
from calendar_bridge.items import Wanted, wanted
from calendar_bridge.patches import change, digest_of, next_version, room_bytes
from calendar_bridge.ports import Calendar, Clock, Notifications, Twins
from calendar_bridge.records import CarTwin, Held, Item, Subscription
from calendar_bridge.schedule import STUCK_S, Due, Schedule
from calendar_bridge.seal import Sealer
from calendar_bridge.view import View, day_of, window_of

LOOK_S: Final = 60.0
"""the wall clock may be set while one waits"""
FORGIVEN_S: Final = 86_400.0
"""A car without a key for longer has taken its consent back: the token goes too."""


@dataclass(frozen=True, slots=True)
class World:
    """What every follower shares."""

    calendar: Calendar
    notifications: Notifications
    twins: Twins
    clock: Clock
    log: Log
    random_01: Callable[[], float]


class Follower:
    """Of one grant. `run` ends when the consent has ended, with the car's items gone."""

    def __init__(self, access: Access, world: World, client_state: str, *, first_s: float) -> None:
        """`first_s` is when to begin; `client_state` the secret by which Graph's notifications are known."""
        self._access, self._world = access, world
        self.client_state = client_state
        grant = access.grant
        self._vehicle, self._profile, self._car_key = grant.vehicle, grant.profile, grant.car_key
        self._sealer = Sealer(grant.car_key)
        self.seat = hashlib.sha256(f"{grant.vehicle}\0{grant.profile}".encode()).hexdigest()[:8]
        self.schedule = Schedule.beginning(first_s)
        self._view: View | None = None
        self._why = "start"
        self._digests: dict[str, tuple[int, bytes]] = {}
        self._last_version = 0
        self._left_out = 0
        self._subscription = ""
        self._keyless_since_s: float | None = None
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Until the consent has ended."""
        while not await self.step():
            self._woken.clear()
            wait_s = self.schedule.next_deadline() - self._world.clock.now_s()
            try:
                async with asyncio.timeout(min(LOOK_S, max(0.0, wait_s))):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def step(self) -> bool:
        """Do what is due; True where the consent has ended."""
        now_s = self._world.clock.now_s()
        try:
            if now_s >= self.schedule.sync.at_s:
                await self._attempt(self._sync, self.schedule.sync, now_s)
            if now_s >= self.schedule.subscribe.at_s:
                await self._attempt(self._subscribe, self.schedule.subscribe, now_s)
        except ConsentLost as error:
            events.consent_lost(self._world.log, seat=self.seat, code=error.code)
            await self.unsubscribe()
            return await self.wipe()
        return False

    def notified(self, client_state: str, lifecycle: str) -> bool:
        """Graph tells of a change, or of the subscription's life; False where it is not Graph that tells."""
        if not hmac.compare_digest(client_state.encode(), self.client_state.encode()):
            return False
        now_s = self._world.clock.now_s()
        match lifecycle:
            case "reauthorizationRequired":  # a renewal authorises too
                self.schedule.subscribe.sooner(now_s)
            case "subscriptionRemoved":
                self._subscription = ""
                self.schedule.subscribe.sooner(now_s)
            case "missed":
                self._view, self._why = None, "missed"
        self.schedule.sync.sooner(now_s)
        self._woken.set()
        return True

    async def _attempt(self, act: Callable[[float], Awaitable[None]], due: Due, now_s: float) -> None:
        try:
            await act(now_s)
        except ConsentLost:
            raise
        except TokenExpired as error:
            self._access.expire()
            self._retry(due, error, now_s)
        except Transient as error:
            self._retry(due, error, now_s)
        except Rejected as error:
            due.put_off(now_s, STUCK_S)
            events.follower_stuck(self._world.log, seat=self.seat, reason=str(error))
        except Exception as error:  # noqa: BLE001  one driver's odd calendar must not stop everybody else's
            self._view, self._why = None, "mistake"
            due.put_off(now_s, STUCK_S)
            events.follower_stuck(self._world.log, seat=self.seat, reason=_where(error))

    async def _sync(self, now_s: float) -> None:
        twin = await self._world.twins.read(self._vehicle)
        if await self._has_key(twin, now_s):
            access = await self._access.token(now_s)
            view = await self._read(access, now_s)
            found = wanted(view.events(), now_s)
            self._tell_rejected(found)
            await self._send(twin, found.items, now_s)
        self.schedule.synced(now_s)

    async def _has_key(self, twin: CarTwin, now_s: float) -> bool:
        if twin.car_key == self._car_key:
            self._keyless_since_s = None
            return True
        if self._keyless_since_s is None:
            self._keyless_since_s = now_s
            events.key_missed(self._world.log, seat=self.seat, changed=bool(twin.car_key))
        if twin.calendar.get(self._profile):
            await self._world.twins.patch(self._vehicle, self._profile, None)
        if twin.car_key or now_s - self._keyless_since_s > FORGIVEN_S:
            raise ConsentLost("key_changed" if twin.car_key else "key_gone")
        return False

    async def _read(self, access: str, now_s: float) -> View:
        """The calendar as of now: the rest of the round that was broken off, the next one, or the window anew."""
        if self._view is None or self._view.day != day_of(now_s):
            self._why = self._why if self._view is None else "midnight"
            self._view = View(day_of(now_s))
        view = self._view
        try:
            await self._round(access, view)
        except DeltaLost:
            self._view, self._why = None, "state lost"
            raise
        if self._why:
            count = sum(1 for _ in view.events())
            events.calendar_seeded(self._world.log, seat=self.seat, count=count, reason=self._why)
            self._why = ""
        return view

    async def _round(self, access: str, view: View) -> None:
        calendar = self._world.calendar
        page = await (calendar.follow(access, view.link) if view.link else calendar.seed(access, window_of(view.day)))
        view.take(page)
        while page.next_link:
            page = await calendar.follow(access, page.next_link)
            view.take(page)
        for series in view.lacking():
            try:
                view.take_series(series, await calendar.event(access, series))
            except Absent:
                view.take_series(series, None)
        view.end_round()

    async def _send(self, twin: CarTwin, items: tuple[Item, ...], now_s: float) -> None:
        there = twin.calendar.get(self._profile, {})
        held = {key: self._known(key, one) for key, one in there.items()}
        todo = change(items, held, room_bytes(twin.other_bytes, twin.bytes_by_profile, self._profile))
        if todo.left_out != self._left_out and todo.left_out:
            events.items_left_out(self._world.log, seat=self.seat, count=todo.left_out)
        self._left_out = todo.left_out
        if not todo:
            return
        self._last_version = next_version(now_s, max([self._last_version, *(one.version for one in held.values())]))
        patch = {item.key: self._sealed(item) for item in todo.put}
        await self._world.twins.patch(self._vehicle, self._profile, {**patch, **dict.fromkeys(todo.drop)})
        self._digests |= {item.key: (self._last_version, digest_of(item)) for item in todo.put}
        for key in todo.drop:
            self._digests.pop(key, None)
        events.patch_sent(
            self._world.log,
            seat=self.seat,
            added=len(todo.put),
            removed=len(todo.drop),
            held=todo.held,
            left_out=todo.left_out,
        )

    def _known(self, key: str, held: Held) -> Held:
        version, digest = self._digests.get(key, (0, b""))
        return Held(held.version, held.until_s, digest if version == held.version else b"")

    def _sealed(self, item: Item) -> dict[str, object]:
        text = self._sealer.seal(item, profile=self._profile, version=self._last_version)
        return {"n": self._last_version, "u": item.until_s, "s": text}

    async def _subscribe(self, now_s: float) -> None:
        access = await self._access.token(now_s)
        renewed = bool(self._subscription)
        try:
            made = await self._made(access, now_s)
        except Absent:  # it has expired, or was removed without a word
            self._subscription, renewed = "", False
            made = await self._made(access, now_s)
        self._subscription = made.id
        self.schedule.subscribed(now_s, made.expires_s)
        events.subscription_made(self._world.log, seat=self.seat, renewed=renewed)
        if not renewed:  # what changed before it was there is told by nobody
            self.schedule.sync.sooner(now_s)

    async def _made(self, access: str, now_s: float) -> Subscription:
        if self._subscription:
            return await self._world.notifications.renew(access, self._subscription, now_s)
        return await self._world.notifications.subscribe(access, self.client_state, now_s)

    async def unsubscribe(self) -> None:
        """Graph need not tell any more; where it cannot be asked, as without consent, it ends by itself."""
        name, self._subscription = self._subscription, ""
        if name:
            with contextlib.suppress(BridgeError):
                access = await self._access.token(self._world.clock.now_s())
                await self._world.notifications.unsubscribe(access, name)

    async def wipe(self) -> bool:
        """Remove the car's items; False, and tried again with the next step, where the hub cannot be asked."""
        now_s = self._world.clock.now_s()
        try:
            await self._world.twins.patch(self._vehicle, self._profile, None)
        except Transient as error:
            self._retry(self.schedule.sync, error, now_s)
            return False
        except Rejected as error:  # the car itself is gone
            events.follower_stuck(self._world.log, seat=self.seat, reason=str(error))
        return True

    def _retry(self, due: Due, error: Transient, now_s: float) -> None:
        retry_num = due.retries
        waits_s = due.failed(now_s, error.after_s, self._world.random_01())
        events.retry_scheduled(
            self._world.log, seat=self.seat, caused_by=type(error).__name__, waits_s=waits_s, retry_num=retry_num
        )

    def _tell_rejected(self, found: Wanted) -> None:
        if found.rejected:
            events.events_rejected(self._world.log, seat=self.seat, count=len(found.rejected), reason=found.rejected[0])


def _where(error: BaseException) -> str:
    """Kind and line of a mistake of ours; not its text, which may be of a calendar."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
