from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.records import EnvelopeKey, LostRange
from edge_agent.spool.owed import MOST_RANGES, Owed
from tests.spool.parts import named

TELLER = EnvelopeKey(1, 99)
WHYS = ("cap", "damaged")
LOSSES = st.lists(
    st.tuples(st.sampled_from(WHYS), st.sets(st.builds(EnvelopeKey, st.integers(1, 2), st.integers(0, 30)))), max_size=6
)


def owing(*seqs: int) -> Owed:
    owed = Owed()
    for seq in seqs:
        owed.add([EnvelopeKey(1, seq)], "cap")
    return owed


@given(LOSSES)
def test_ranges_name_exactly_what_was_lost_and_no_two_of_them_could_be_one(
    losses: list[tuple[str, set[EnvelopeKey]]],
) -> None:
    owed = Owed()
    for why, keys in losses:
        owed.add(keys, why)

    ranges = owed.to_tell()

    for why in WHYS:
        of_one = sorted((one for one in ranges if one.why == why), key=lambda one: (one.boot, one.first_seq))
        lost = sorted(set().union(*(keys for reason, keys in losses if reason == why)))
        assert named(tuple(of_one)) == lost
        assert all(a.boot < b.boot or a.last_seq + 1 < b.first_seq for a, b in pairwise(of_one))
    assert owed.untold == ranges


def test_what_was_lost_in_one_stroke_after_another_is_one_range() -> None:
    assert owing(255, 254, 256, 257, 259).to_tell() == (LostRange(1, 254, 257, "cap"), LostRange(1, 259, 259, "cap"))


def test_what_a_batch_names_is_not_given_out_again() -> None:
    owed = owing(4, 5)
    owed.tell(TELLER, owed.to_tell())
    owed.add([EnvelopeKey(1, 7)], "cap")

    assert owed.to_tell() == (LostRange(1, 7, 7, "cap"),)
    assert owed.told == {TELLER: (LostRange(1, 4, 5, "cap"),)}


def test_a_loss_beside_one_that_a_batch_names_is_told_together_with_it() -> None:
    owed = owing(4, 5, 9)
    owed.tell(TELLER, owed.to_tell())
    owed.add([EnvelopeKey(1, 6)], "cap")
    owed.add([EnvelopeKey(1, 8)], "refused")

    assert owed.to_tell() == (LostRange(1, 4, 6, "cap"), LostRange(1, 8, 8, "refused"))
    assert owed.told == {TELLER: (LostRange(1, 9, 9, "cap"),)}


def test_what_a_lost_batch_named_is_joined_again() -> None:
    owed = owing(4, 5)
    owed.tell(TELLER, owed.to_tell())
    owed.add([EnvelopeKey(1, 6)], "cap")
    owed.carrier_lost(TELLER)

    assert owed.to_tell() == (LostRange(1, 4, 6, "cap"),)
    assert owed.told == {}


def test_what_arrived_is_owed_no_more() -> None:
    owed = owing(4, 6)
    owed.tell(TELLER, owed.to_tell()[:1])
    owed.carrier_arrived(TELLER)

    assert owed.to_tell() == (LostRange(1, 6, 6, "cap"),)
    assert owed.among(1, 0, 9) == {6}


def test_a_range_that_is_not_owed_as_it_was_told_stays_owed() -> None:
    owed = owing(4, 5)
    owed.to_tell()

    owed.tell(TELLER, [LostRange(1, 4, 4, "cap"), LostRange(2, 4, 4, "cap")])

    assert owed.to_tell() == (LostRange(1, 4, 5, "cap"),)
    assert owed.told == {}


def test_told_and_untold_are_both_owed_between_two_sequences() -> None:
    owed = owing(1, 2, 3, 7, 8)
    owed.tell(TELLER, owed.to_tell()[:1])

    assert owed.among(1, 3, 7) == {3, 7}
    assert owed.among(2, 3, 7) == set()


def test_what_is_lost_is_counted_by_why_and_not_again_when_it_is_told() -> None:
    owed = owing(1, 2, 4)
    refused = owed.add([EnvelopeKey(1, 7), EnvelopeKey(1, 8)], "refused")
    owed.tell(TELLER, owed.to_tell())
    owed.carrier_lost(TELLER)
    assert owed.lost == {"cap": 3, "refused": 2}

    owed.drop(refused)

    assert owed.lost == {"cap": 3, "refused": 0}


def test_what_an_earlier_start_lost_is_owed_and_not_counted() -> None:
    owed = Owed()
    owed.resume([LostRange(1, 0, 9, "cap")], {})

    assert owed.to_tell() == (LostRange(1, 0, 9, "cap"),)
    assert owed.lost == {}


def test_a_loss_that_goes_on_for_a_month_stays_in_few_ranges_that_name_all_of_it() -> None:
    owed = Owed()
    lost = [seq for seq in range(60_000) if seq % 10 >= 7]
    for at in range(0, len(lost), 30):
        owed.add([EnvelopeKey(1, seq) for seq in lost[at : at + 30]], "cap")
        carrier = EnvelopeKey(1, 100_000 + at)
        owed.tell(carrier, owed.to_tell()[:256])

    ranges = [*owed.untold, *(one for told in owed.told.values() for one in told)]
    assert len(ranges) <= MOST_RANGES + 1
    assert {key.seq for key in named(tuple(ranges))}.issuperset(lost)
    assert [one.first_seq for one in ranges if not one.exact] == [7]


@given(LOSSES)
def test_few_losses_are_named_exactly(losses: list[tuple[str, set[EnvelopeKey]]]) -> None:
    owed = Owed()
    for why, keys in losses:
        owed.add(keys, why)

    assert all(one.exact for one in owed.to_tell())


def test_what_lies_between_coarse_ranges_is_not_given_up_for_it() -> None:
    owed = Owed()
    owed.add([EnvelopeKey(1, seq) for seq in range(0, 4 * MOST_RANGES, 2)], "cap")
    before = owed.among(1, 0, 10)
    owed.to_tell()

    assert before == {0, 2, 4, 6, 8, 10}
    assert owed.among(1, 0, 10) == set()


def test_each_boot_and_reason_keeps_a_range_of_its_own() -> None:
    owed = Owed()
    for boot in range(1, MOST_RANGES):
        owed.add([EnvelopeKey(boot, 7)], "cap")
        owed.add([EnvelopeKey(boot, 9)], "refused")

    assert set(owed.to_tell()) == {
        lost
        for boot in range(1, MOST_RANGES)
        for lost in (LostRange(boot, 7, 7, "cap"), LostRange(boot, 9, 9, "refused"))
    }
    owed.tell(TELLER, owed.untold)
    assert owed.to_tell() == ()


def test_a_loss_of_thousands_at_once_is_few_ranges_before_anybody_asks() -> None:
    owed = Owed()
    owed.add([EnvelopeKey(1, seq) for seq in range(0, 20_000, 2)], "expired")

    assert len(owed.untold) <= MOST_RANGES + 1
    assert {key.seq for key in named(owed.untold)}.issuperset(range(0, 20_000, 2))
    assert owed.lost == {"expired": 10_000}
