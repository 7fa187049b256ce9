import pytest

from edge_agent.uplink.link import Link, LinkSaid, counted, read_link

NOTHING = LinkSaid()


def test_where_nobody_says_bytes_cost_money() -> None:
    assert counted(NOTHING, NOTHING) == Link(metered=True, roaming=False, said_by="nobody")


@pytest.mark.parametrize(
    ("file", "twin", "link"),
    [
        (LinkSaid(metered=False), LinkSaid(metered=True), Link(metered=False, said_by="file")),
        (LinkSaid(metered=True), LinkSaid(metered=False), Link(metered=True, said_by="file")),
        (NOTHING, LinkSaid(metered=False), Link(metered=False, said_by="twin")),
        (LinkSaid(roaming=True), LinkSaid(metered=True), Link(roaming=True, said_by="twin")),
        (LinkSaid(roaming=False), LinkSaid(roaming=True), Link(roaming=False)),
    ],
)
def test_the_file_goes_before_the_twin_where_it_says_something(file: LinkSaid, twin: LinkSaid, link: Link) -> None:
    assert counted(file, twin) == link


def test_a_file_may_say_both_either_or_nothing() -> None:
    assert read_link('{"metered": true, "roaming": false}') == LinkSaid(metered=True, roaming=False)
    assert read_link('{"roaming": true}') == LinkSaid(roaming=True)
    assert read_link("{}") == NOTHING


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "must be a JSON object"),
        ('{"metered": 1}', "metered must be true or false"),
        ('{"costs": true}', "no member may be called 'costs', only metered and roaming"),
        ("{", "not JSON: Expecting property name"),
        ('{"metered": true,\n "metered": false}', "'metered' stands twice in one object at line 2 column 2"),
        ("1" * 4301, "a number of more than 4,300 digits at line 1 column 1"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_mistake_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_link(text)
