from edge_agent.uplink.link_counts import LinkCounts


def test_counts_add_up_each_with_its_own() -> None:
    first = LinkCounts(1, 2, 3, 4, 5, 6)
    assert first + LinkCounts(10, 20, 30, 40, 50, 60) == LinkCounts(11, 22, 33, 44, 55, 66)
    assert first + LinkCounts() == first
