from edge_agent.acquire.losses import TELL_NS, Losses
from tests.acquire.told import Told


def test_losses_are_told_at_once_then_together_and_at_the_end_each_once() -> None:
    told = Told()
    losses = Losses("drive", "a reason", told)
    losses.add(0, 0)
    for uptime_ns in (1, 2, 3):
        losses.add(5, uptime_ns)
    losses.add(1, TELL_NS + 1)
    losses.add(2, TELL_NS + 2)
    losses.tell()
    losses.tell()

    assert [fields["count"] for fields in told.fields("acquire.frames_dropped")] == [5, 11, 2]
    assert {fields["reason"] for fields in told.fields("acquire.frames_dropped")} == {"a reason"}
