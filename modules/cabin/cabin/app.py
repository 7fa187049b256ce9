"""The only wiring: builds every part, joins them, creates every task.

tap --> latest --> driving (drive state, View) --> web
                      ^  |                          |
calendar, trips ------'  '--> trips, outbox         '--> cockpit --> consent, calendar, trips, dialer
twin (hub) --> calendar, driving                               '--> agent link (consent, trips)
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from warnings import filterwarnings

from cabin import __version__, events
from cabin.agent_link import AgentLink, Heard
from cabin.calendar.bridge_link import BridgeLink
from cabin.calendar.store import Calendar
from cabin.calls.dialer import dialer_of
from cabin.choices import Choices
from cabin.cockpit import Acts, CabinCockpit
from cabin.consent.consent import Consent
from cabin.consent.wipe import wipes_of
from cabin.driving import GUEST, Chosen, Driving, Sources
from cabin.errors import DiskRefused
from cabin.events import Log
from cabin.ignition import Ignition, Turned
from cabin.ports import Clock, Dialer
from cabin.records import Answer, Decision, Purpose
from cabin.settings import Settings
from cabin.spared import spared
from cabin.tapin.latest import Latest
from cabin.tapin.mqtt import Broker, BrokerTap
from cabin.trips.export import exported
from cabin.trips.journal import Bounds
from cabin.trips.outbox import Outbox
from cabin.trips.trip_log import TripLog, TripsAllowed
from cabin.twin import CabinTwin, Config
from cabin.web.launch import Launch
from cabin.web.server import serve
from cabin.web.viss import VissSession
from cabin.web.viss_door import viss_routes

if TYPE_CHECKING:
    from cabin.iotedge import Hub

LOOK_S = 0.1
SAID_S = 2.0
"""How long an answer to the driver waits for the broker to have heard of a decision; it is said again until then."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What is on disk, opened."""

    choices: Choices
    calendar: Calendar
    trips: TripLog
    outbox: Outbox
    consent: Consent

    @classmethod
    async def open(cls, settings: Settings, clock: Clock, log: Log, changed: Callable[[], None]) -> "Stores":
        """Everything that an earlier start left; what was cut short is ended. Raises CabinError.

        `changed` hears of each decision before anything is wiped.
        """
        folder = settings.data_folder
        calendar = Calendar(folder / "calendar", clock, log)
        await calendar.restore()
        outbox = Outbox(folder / "trips" / "outbox.jsonl", log)
        await outbox.open()
        bounds = Bounds(days=settings.trips_days)
        trips = TripLog(folder / "trips", log, bounds=bounds, outbox=outbox, capacity_kwh=settings.battery_kwh)
        await trips.open(now_ms=clock.now_ms())
        wipes = wipes_of(trips, outbox, calendar.wipe)
        consent = Consent(folder / "consent.jsonl", log, wipes, changed=changed)
        await consent.open()
        calendar.ask(lambda profile: consent.answers(profile)[Purpose.CALENDAR] is Answer.YES)
        return cls(Choices.read(folder / "choices.json"), calendar, trips, outbox, consent)

    async def close(self) -> None:
        """The open trip is noted once more."""
        for part in (self.trips, self.outbox, self.consent, self.calendar):
            await part.close()


class Cabin:
    """Everything of one process; opened once, run once."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        dialer: Dialer,
        clock: Clock,
        log: Log,
        *,
        with_hub: bool,
        vehicle: str,
    ) -> None:
        self._settings, self._stores, self._clock, self._log = settings, stores, clock, log
        self._with_hub = with_hub
        self._bridge = BridgeLink(settings.bridge_url, vehicle) if settings.bridge_url and vehicle else None
        self._latest, self._ignition = Latest(), Ignition()
        self._dialer = dialer
        self._driving = self._driving_of(dialer)
        self._cockpit = CabinCockpit(self._driving, self._acts(), dialer, clock)
        self._tap = BrokerTap(_broker(settings), log, self._connected)
        self._agent = self._agent_link()
        self._twin = CabinTwin(
            stores.calendar,
            settings.data_folder / "twin.json",
            market=settings.market,
            language=settings.language,
            log=log,
            changed=self._follow,
            consent=lambda: {"version": stores.consent.version},
            missing_roles=lambda: self._driving.missing_roles,
        )
        stores.calendar.follow(self._driving.look)

    @classmethod
    async def open(cls, settings: Settings, clock: Clock, log: Log, *, with_hub: bool, vehicle: str) -> "Cabin":
        """Read what is on disk and wire the parts. Raises CabinError, OSError.

        Without a hub there is no twin: no calendar comes, all else goes on. `vehicle` is the device id there; without
        one no calendar can be linked.
        """
        hears: list[Callable[[], None]] = []

        def changed() -> None:
            for tell in hears:
                tell()

        stores = await Stores.open(settings, clock, log, changed)
        cabin = cls(settings, stores, dialer_of(settings, log), clock, log, with_hub=with_hub, vehicle=vehicle)
        hears.append(cabin._agent.say_consent)
        return cabin

    async def run(self, opened: socket.socket, stop: asyncio.Event) -> None:
        """Serve the page on `opened` until `stop`; then close everything, the trip on disk."""
        address, port = opened.getsockname()[:2]
        launch = Launch(self._settings.data_folder)
        events.cabin_started(
            self._log, version=__version__, market=self._settings.market.value, address=address, port=port
        )
        try:
            await self._twin.restore()
            with suppress(DiskRefused):  # there is no calendar then, and all else is
                await self._keep_key()
            async with asyncio.TaskGroup() as group:
                await self._run(group, opened, launch, stop)
        finally:
            began_ms = self._clock.up_ms()
            await self._dialer.close()
            await self._twin.close()
            await self._stores.close()
            events.cabin_stopped(self._log, waited_s=(self._clock.up_ms() - began_ms) / 1000)

    async def _run(self, group: asyncio.TaskGroup, opened: socket.socket, launch: Launch, stop: asyncio.Event) -> None:
        stores = self._stores
        viss = viss_routes(partial(VissSession, self._latest, self._driving.may_tell), self._clock)
        endless = (
            group.create_task(self._agent.hear(), name="tap"),
            group.create_task(self._agent.tell(), name="consent"),
            group.create_task(self._look(), name="look"),
            group.create_task(self._dialer.run(), name="dialer"),
            group.create_task(
                stores.outbox.run(partial(self._tap.publish, retain=False), self._may_send), name="outbox"
            ),
        )
        group.create_task(stores.calendar.keep(stop), name="calendar")
        if self._with_hub:
            group.create_task(self._follow_hub(stop), name="twin")
        names = (*self._settings.web_hosts,)
        await serve(self._cockpit, opened, launch, self._log, stop, names=names, more=viss)
        for task in endless:
            task.cancel()

    async def _follow_hub(self, stop: asyncio.Event) -> None:
        """Microsoft's SDK is a third of what a start takes, so it is imported when the page is there."""

        def hub() -> "Hub":
            # Of what the SDK imports, requests takes this to guess encodings where it finds it, and warns where not. It
            # imports every codec there is: 3 MB, while all that the SDK asks for is JSON.
            filterwarnings("ignore", "Unable to find acceptable character detection dependency")
            with spared("charset_normalizer"):
                from cabin.iotedge import Hub  # noqa: PLC0415

            return Hub(self._twin, self._log)

        await (await asyncio.to_thread(hub)).run(stop)

    def _driving_of(self, dialer: Dialer) -> Driving:
        stores, settings = self._stores, self._settings
        sources = Sources(
            meetings=stores.calendar.meetings,
            profiles=self._profiles,
            answers=stores.consent.answers,
            trip=lambda: stores.trips.now,
            dialer=lambda: dialer.state,
        )
        choices = stores.choices
        language = choices.language or settings.language
        chosen = Chosen(settings.market, language, profile=settings.start_profile, private=choices.private)
        chosen.has_bridge = self._bridge is not None
        return Driving(self._latest, chosen, sources, self._clock, self._log)

    def _agent_link(self) -> AgentLink:
        heard = Heard(self._driving.look, self._rebind, self._stores.outbox.kept)
        return AgentLink(self._tap, self._latest, heard, self._consent_body, clock=self._clock, log=self._log)

    def _acts(self) -> Acts:
        stores = self._stores
        return Acts(
            decide=self._decide,
            tell_consent=self._say_consent,
            link=stores.calendar.link,
            bridge_link=self._bridge_link,
            add=self._add_profile,
            forget=self._forget,
            profiles=self._profiles,
            summaries=stores.trips.summaries,
            plot=stores.trips.plot,
            delete=stores.trips.delete,
            export=lambda form, profile: exported(
                form, profile, stores.trips, stores.consent, self._latest, self._clock
            ),
            speak=self._speak,
            save=self._save,
        )

    # --- what the driver decides -----------------------------------------------------------------

    async def _decide(self, decision: Decision) -> None:
        await self._stores.consent.decide(decision)
        await self._keep_key()
        self._twin.tell()

    async def _keep_key(self) -> None:
        """There is a key to seal to as soon as anybody has allowed the calendar, and as long. Raises DiskRefused."""
        stores = self._stores
        if any(stores.consent.answers(one)[Purpose.CALENDAR] is Answer.YES for one in self._profiles()):
            await stores.calendar.allow()
        elif stores.calendar.key is not None:
            await stores.calendar.wipe(None)

    async def _say_consent(self) -> None:
        self._agent.say_consent()
        await self._agent.consent_said(SAID_S)

    def _consent_body(self) -> bytes:
        chosen = self._driving.chosen
        return self._stores.consent.body(chosen.profile, now_ms=self._clock.now_ms(), private=chosen.private)

    def _bridge_link(self, profile: str) -> str:
        key = self._stores.calendar.key
        return self._bridge.of(profile, key.public_text) if self._bridge and key else ""

    def _profiles(self) -> tuple[str, ...]:
        stores = self._stores
        own = (GUEST, self._settings.start_profile)
        return tuple(dict.fromkeys((*own, *stores.choices.profiles, *stores.calendar.profiles)))

    def _add_profile(self, profile: str) -> bool:
        return profile in self._profiles() or self._stores.choices.add(profile)

    async def _forget(self, profile: str) -> None:
        await self._stores.consent.remove_profile(profile)
        self._stores.choices.remove(profile)
        await self._save()
        await self._keep_key()
        self._twin.tell()

    async def _speak(self, language: str) -> None:
        self._stores.choices.language = language
        await self._save()

    async def _save(self) -> None:
        self._stores.choices.private = self._driving.chosen.private
        try:
            await self._stores.choices.save()
        except OSError as error:
            events.choices_not_kept(self._log, reason=error.strerror or str(error))

    # --- what the vehicle and the cloud say ------------------------------------------------------

    def _follow(self, config: Config) -> None:
        chosen = self._driving.chosen
        chosen.market, chosen.tiles = config.market, config.tiles
        chosen.language = self._stores.choices.language or config.language
        self._rebind(config)

    def _rebind(self, config: Config | None = None) -> None:
        before = self._driving.missing_roles
        self._driving.bind((config or self._twin.config).signals)
        self._driving.look()
        self._tell_roles(before, self._driving.missing_roles)

    def _tell_roles(self, before: Sequence[str], missing: Sequence[str]) -> None:
        if missing != before:
            if missing:
                events.roles_missing(self._log, roles=missing)
            else:
                events.roles_found(self._log)
            self._twin.tell()

    def _connected(self) -> None:
        self._agent.say_consent()
        self._stores.outbox.connected()

    def _answers(self) -> dict[Purpose, Answer]:
        return dict(self._stores.consent.answers(self._driving.chosen.profile))

    def _allowed(self) -> TripsAllowed:
        chosen = self._driving.chosen
        return TripsAllowed.by(chosen.profile, self._answers(), private=chosen.private)

    def _may_send(self) -> bool:
        allowed = self._allowed()
        return allowed.cloud and not allowed.private

    async def _look(self) -> None:
        """Ten times a second, until cancelled."""
        while True:
            self._driving.look()
            up_ms, vehicle = self._clock.up_ms(), self._driving.vehicle
            self._stores.trips.look(vehicle, now_ms=self._clock.now_ms(), up_ms=up_ms, allowed=self._allowed())
            match self._ignition.look(vehicle.ignition, up_ms):
                case Turned.ON:
                    await self._cockpit.change_profile(self._settings.start_profile)
                case Turned.OFF if self._driving.chosen.private:
                    await self._cockpit.private(on=False)
            await asyncio.sleep(LOOK_S)


def _broker(settings: Settings) -> Broker:
    return Broker(settings.broker_host, settings.broker_port, settings.broker_user, settings.broker_password_now)
