from edge_agent.decode.first_few import FEW, FirstFew


def test_the_first_are_kept_each_once_in_the_order_they_were_met() -> None:
    few = FirstFew[int]()

    few.add([5, 3, 5])
    few.add([3, 4])
    assert (few.met, few.full) == ((5, 3, 4), False)

    few.add(range(100))
    assert few.met == (5, 3, 4, 0, 1, 2, 6, 7)
    assert (len(few.met), few.full) == (FEW, True)
