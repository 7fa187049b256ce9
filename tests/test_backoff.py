from hypothesis import given
from hypothesis import strategies as st

from edge_agent.backoff import Backoff

RULE = Backoff(first_s=0.2, cap_s=30.0, healthy_s=10.0)


def test_delays_double_up_to_the_cap() -> None:
    assert [RULE.delay_s(retry_num, 0.5) for retry_num in range(9)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0]


@given(retry_num=st.integers(0, 10**6), random_01=st.floats(0, 1, exclude_max=True))
def test_every_delay_lies_within_half_and_one_and_a_half_of_its_middle(retry_num: int, random_01: float) -> None:
    middle_s = RULE.delay_s(retry_num, 0.5)

    rounding = 1 + 1e-12
    assert 0.5 * middle_s <= RULE.delay_s(retry_num, random_01) <= 1.5 * middle_s * rounding
    assert 0.1 <= RULE.delay_s(retry_num, random_01) <= 45.0


def test_only_a_healthy_spell_starts_over() -> None:
    assert RULE.next_retry_num(5, spell_s=9.99) == 6
    assert RULE.next_retry_num(5, spell_s=10.0) == 0
