from edge_agent.policy.kept import NOTHING, Kept, by_slot, joined
from tests.policy.streams import sample, samples_of, told


def kept_of(*times: int) -> Kept:
    samples = samples_of([sample(t_ns, 0, 1) for t_ns in times])
    return Kept(samples.t_ns, samples.slot, samples.raw)


def test_samples_of_one_slot_come_together_and_keep_their_order() -> None:
    one = samples_of([sample(5, 2, 1), sample(3, 0, 2), sample(5, 1, 3), sample(3, 2, 4), sample(1, 0, 5)])

    ordered = one.take(by_slot(one.slot))

    assert ordered.slot.tolist() == [0, 0, 1, 2, 2]
    assert ordered.t_ns.tolist() == [3, 1, 5, 5, 3]


def test_nothing_changes_what_it_is_joined_to() -> None:
    one = kept_of(5)

    assert joined([one, NOTHING]) is one
    assert joined([NOTHING, one]) is one
    assert joined([]) is joined([NOTHING]) is NOTHING
    assert joined([one, NOTHING, kept_of(7, 6), one]).t_ns.tolist() == [5, 7, 6, 5]


def test_a_part_is_cut_out_of_every_field() -> None:
    assert told(kept_of(1, 2, 3, 4).part(1, 3)) == [(0, 2, 1), (0, 3, 1)]
