from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.localhub import topics

TEXTS = st.text(max_size=20)


@given(st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=5))
def test_properties_come_back_as_the_sdk_encodes_them(bag: dict[str, str]) -> None:
    assert topics.properties(urlencode(bag, quote_via=quote)) == bag


def test_a_plus_stays_a_plus_and_a_lone_key_has_an_empty_value() -> None:
    assert topics.properties("a+b=c+d&lone&x=1=2") == {"a+b": "c+d", "lone": "", "x": "1=2"}


@pytest.mark.parametrize(
    ("topic", "meaning"),
    [
        ("devices/d/modules/m/messages/events/", topics.Telemetry("d", "m", {})),
        ("devices/d/modules/m/messages/events", topics.Telemetry("d", "m", {})),
        ("devices/d/modules/m/messages/events/%24.on=o%2Fp&k=v", topics.Telemetry("d", "m", {"$.on": "o/p", "k": "v"})),
        ("devices/d/modules/m/messages/eventsx/", None),
        ("devices/d/messages/events/a=b", topics.Telemetry("d", "", {"a": "b"})),
        ("$iothub/twin/GET/?$rid=a-b", topics.TwinWanted("a-b")),
        ("$iothub/twin/PATCH/properties/reported/?$rid=a%20b", topics.TwinReported("a b")),
        ("$iothub/twin/PATCH/properties/desired/?$rid=1", None),
        ("$iothub/methods/res/200/?$rid=7", topics.MethodAnswered("7", 200)),
        ("$iothub/methods/res/-1/?$rid=7", None),
        ("$iothub/methods/res/٣/?$rid=7", None),
        ("hello", None),
    ],
)
def test_a_topic_says_what_the_client_wants(topic: str, meaning: topics.Said | None) -> None:
    assert topics.said(topic) == meaning


@given(TEXTS)
def test_any_topic_is_understood_or_unknown(topic: str) -> None:
    topics.said(topic)
    topics.said("$iothub/methods/res/" + topic)
    topics.said("devices/d/modules/m/messages/" + topic)


def test_the_hub_writes_topics_as_edgehub_does() -> None:
    assert topics.twin_answer("r 1", 204, 5) == "$iothub/twin/res/204/?$rid=r%201&$version=5"
    assert topics.twin_answer("r", 400) == "$iothub/twin/res/400/?$rid=r"
    assert topics.desired_patch(3) == "$iothub/twin/PATCH/properties/desired/?$version=3"
    assert topics.method_request("a/b", "9") == "$iothub/methods/POST/a%2Fb/?$rid=9"


@pytest.mark.parametrize(
    ("wanted", "topic", "covered"),
    [
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "ab", False),
        ("#", "a/b", True),
        ("a/+/c", "a/b/c", True),
        ("a/+", "a/b/c", False),
        ("a/b", "a/b", True),
        ("a/b/c", "a/b", False),
        ("a/b/#", "a", False),
    ],
)
def test_a_filter_covers_what_the_standard_says(wanted: str, topic: str, covered: bool) -> None:
    assert topics.matches(wanted, topic) is covered
