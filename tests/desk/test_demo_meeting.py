import json

from cabin.calendar.seal import CarKey, Sealed
from edge_agent.desk.demo_meeting import sealed


def test_the_car_opens_what_the_demo_sealed() -> None:
    """The cabin's own reader, which the product's code does not know."""
    key = CarKey.fresh()
    item = {"title": "Fleet review", "start": 1, "end": 2}
    entry = sealed(item, key.public_text, profile="p1", name="review", until_s=99, version=4)
    assert (entry["n"], entry["u"]) == (4, 99)
    assert json.loads(key.open(Sealed("p1", "review", 4, 99, str(entry["s"])))) == item
