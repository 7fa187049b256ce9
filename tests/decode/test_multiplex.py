from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.catalog import BitField, Selector
from edge_agent.decode.multiplex import MOST_ROWS, Node, branch

MODE = BitField(0, 2, big_endian=False)
PAGE = BitField(8, 2, big_endian=False)
WIDE = BitField(0, 9, big_endian=False)


def when(field: BitField, *values: int) -> Selector:
    return Selector(field, tuple((value, value) for value in values))


def test_a_message_without_a_multiplexer_is_its_own_node() -> None:
    assert branch([(0, 1), ()], [(), ()]) == ([Node(((0, 0), (1, 0))), Node(())], [])


def test_each_value_of_a_multiplexer_leads_to_the_rows_it_leaves() -> None:
    nodes, children = branch([(0, 1, 2)], [(), (when(MODE, 1),), (when(MODE, 3),)])

    assert nodes[0] == Node((), MODE, 0)
    assert [nodes[child].rows for child in children] == [
        ((0, 0),),
        ((0, 0), (1, 1)),
        ((0, 0),),
        ((0, 0), (2, 1)),
    ]
    assert children[0] == children[2]


def test_a_multiplexer_behind_a_multiplexer_is_asked_second() -> None:
    nodes, children = branch([(0,)], [(when(MODE, 1), when(PAGE, 2))])

    inner = nodes[children[1]]
    assert inner.multiplexer == PAGE
    assert [nodes[children[inner.first_child + page]].rows for page in range(4)] == [(), (), ((0, 2),), ()]


def test_a_multiplexer_too_wide_for_a_table_stays_a_condition() -> None:
    assert branch([(0,)], [(when(WIDE, 300),)]) == ([Node(((0, 0),))], [])


def test_multiplexers_side_by_side_do_not_multiply_without_end() -> None:
    fields = [BitField(8 * i, 8, big_endian=False) for i in range(8)]
    selectors = [(when(field, value),) for field in fields for value in range(16)]

    nodes, _ = branch([tuple(range(len(selectors)))], selectors)

    assert 1000 < sum(len(node.rows) for node in nodes) <= MOST_ROWS
    assert any(settled == 0 for node in nodes for _, settled in node.rows)


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from([MODE, PAGE, WIDE]), st.sets(st.integers(0, 3), min_size=1)), max_size=3),
        max_size=6,
    )
)
def test_every_frame_comes_to_the_rows_whose_settled_selectors_hold(
    chains: list[list[tuple[BitField, set[int]]]],
) -> None:
    selectors = [tuple(when(field, *sorted(values)) for field, values in chain) for chain in chains]
    nodes, children = branch([tuple(range(len(selectors)))], selectors)

    for mode, page in product(range(4), range(4)):
        says = {MODE: mode, PAGE: page}
        node = nodes[0]
        while node.multiplexer is not None:
            node = nodes[children[node.first_child + says[node.multiplexer]]]

        settled = dict(node.rows)
        for signal, chain in enumerate(chains):
            # Each is settled as far as its first multiplexer that is too wide; what is gone had one that does not hold.
            narrow = chain[: next((i for i, (field, _) in enumerate(chain) if field == WIDE), len(chain))]
            holds = all(says[field] in values for field, values in narrow)
            assert (signal in settled) == holds
            assert not holds or settled[signal] == len(narrow)
