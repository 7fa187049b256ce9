"""What the cabin says on the vehicle's local bus, followed: the driver's consent, and trips."""

from collections.abc import Callable

from edge_agent.errors import BadSettings, Fault, MethodRefused
from edge_agent.events import Log
from edge_agent.head_unit.consent import locates
from edge_agent.head_unit.consent_file import ConsentFile
from edge_agent.head_unit.consenting import Consenting, Followers
from edge_agent.head_unit.trips_hook import TOPIC as TRIP_TOPIC
from edge_agent.head_unit.trips_hook import TripsHook, TripWay
from edge_agent.ports import Clock
from edge_agent.records import Batch, Purpose
from edge_agent.settings import Settings
from edge_agent.sift import Sift
from edge_agent.spool.segments import SegmentSpool
from edge_agent.tap.link import Message
from edge_agent.tap.local_bus import LocalBus
from edge_agent.twin.reported import Reported

CONSENT_TOPIC = "cabin/v1/consent"


class CabinDoor:
    """Without CONSENT=cabin there is nobody to hear: `begin` and both runs return at once."""

    def __init__(
        self,
        settings: Settings,
        sift: Sift,
        spool: SegmentSpool,
        bus: LocalBus,
        reported: Reported,
        *,
        forget: Callable[[], None],
        clock: Clock,
        log: Log,
    ) -> None:
        """`forget` writes what else is kept on disk of the vehicle anew, without what must not be.

        It blocks, and raises OSError.
        """
        self._asks = asks_for_consent(settings)
        self._sift, self._bus = sift, bus
        followers = Followers(
            allow=sift.follow_consent, wipe=spool.withdraw, forget=forget, waiting=lambda: sift.waiting
        )
        file = ConsentFile(settings.data_folder / "consent.json", log)
        self._consenting = Consenting(file, followers, reported, clock=clock, log=log)
        way = TripWay(allowed=lambda: self._consenting.allowed, take_in=sift.take_in, publish=self._publish)
        self._trips = TripsHook(way, clock=clock, log=log)

    async def begin(self) -> None:
        """Take up what was decided before this start, before anything is sent; then hear what is said."""
        if self._asks:
            await self._consenting.begin()
            self._bus.subscribe(CONSENT_TOPIC, self._consenting.hear)
            self._bus.subscribe(TRIP_TOPIC, self._trips.hear)

    async def follow(self) -> None:
        """Keep decisions and wipe what they withdraw, until cancelled."""
        if self._asks:
            await self._consenting.run()

    async def answer_trips(self) -> None:
        """Tell the cabin what became of trips, until cancelled."""
        if self._asks:
            await self._trips.run()

    def answered(self, batch: Batch, is_on_disk: bool) -> None:
        """The spool has answered for a batch."""
        self._trips.answered(batch, is_on_disk)

    def judge_telling(self, about: str = "") -> None:
        """Whether somebody far away may be told values now, and what this text names of places.

        Raises MethodRefused where the driver has not consented.
        """
        if not self._may_tell(Purpose.CLOUD_TELEMETRY):
            raise MethodRefused(403, "the driver has not consented to cloud_telemetry")
        if locates(about) and not self.may_tell_places:
            raise MethodRefused(403, "the driver has not consented to location")

    @property
    def may_tell_places(self) -> bool:
        """Whether somebody far away may be told where the vehicle is."""
        return self._may_tell(Purpose.LOCATION)

    def _may_tell(self, purpose: Purpose) -> bool:
        return self._sift.allowed is None or purpose in self._sift.allowed

    async def _publish(self, topic: str, payload: bytes) -> None:
        await self._bus.publish(Message(topic, payload))


def asks_for_consent(settings: Settings) -> bool:
    """Whether somebody in the vehicle is asked. Raises BadSettings where nobody could ever be heard."""
    if faults := consent_faults(settings):
        raise BadSettings(faults)
    return settings.consent == "cabin"


def consent_faults(settings: Settings) -> list[Fault]:
    """What is wrong with CONSENT."""
    if settings.consent == "cabin" and not settings.tap_broker:
        return [Fault("CONSENT", "cabin is heard on the local bus, which TAP_BROKER must name")]
    return []
