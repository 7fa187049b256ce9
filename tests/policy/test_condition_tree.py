from edge_agent.policy.condition_syntax import parse
from edge_agent.policy.condition_tree import Op, Type, signals_of


def test_each_signal_is_named_once() -> None:
    tree = parse("a.b > 3 and (age(c.d) < 2 or avg(a.b, 5s) > 1) and `e f` == 'R' and changed(g.h)")

    assert signals_of(tree) == ("a.b", "c.d", "e f", "g.h")


def test_a_trees_nodes_come_after_their_operands() -> None:
    tree = parse("a.b + 1 > 3")

    assert [node.op for node in tree.nodes()] == [Op.VALUE, Op.CONSTANT, Op.ADD, Op.CONSTANT, Op.ABOVE]
    assert [node.type for node in tree.nodes()] == [*[Type.NUMBER] * 4, Type.TRUTH]
