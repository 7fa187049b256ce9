"""Against a plain list."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.spool.alike import Alike

NUMBERS = st.lists(st.sampled_from([0, 1, 0xFFFF_FFFF]), max_size=8)


@given(begun=NUMBERS, appended=NUMBERS, data=st.data())
def test_it_is_a_list(begun: list[int], appended: list[int], data: st.DataObject) -> None:
    column = Alike.of(np.array(begun, np.uint32))
    for number in appended:
        column.append(number)
    expected = begun + appended

    assert [column[place] for place in range(len(expected))] == expected
    assert column.rows().tolist() == expected
    places = data.draw(st.lists(st.sampled_from(range(len(expected))), unique=True)) if expected else []
    assert column.at(places).rows().tolist() == [expected[place] for place in places]


def test_it_begins_empty() -> None:
    assert Alike().rows().tolist() == []
