import re
from html.parser import HTMLParser

import pyarrow as pa

from edge_cloud import gold, tables
from edge_cloud.desk.page import page_of
from edge_cloud.duck import Duck
from tests.cloud.edge_cloud.silver import ROLES, batch, rows, signal, speed

EVIL = "<script>alert('x')</script>\"&"


def page(samples: list[dict[str, object]], batches: list[dict[str, object]], **also: pa.Table) -> str:
    empty = {name: schema.empty_table() for name, schema in {**tables.DECODED, **tables.GOLD}.items()}
    found = {"samples": rows("samples", samples), "batches": rows("batches", batches), **also}
    engine = Duck({**empty, "vehicles": tables.VEHICLES.empty_table(), "roles": ROLES, **found})
    for at, name in enumerate(gold.NAMES):
        engine.know(name, gold.make(engine, name, known=gold.NAMES[:at]))
    return page_of(engine, 5)


def drive(device: str) -> list[dict[str, object]]:
    at = [float(s) for s in range(60)]
    north = signal("Position.Latitude", [(s, 52 + s / 1e4) for s in at], device=device)
    east = signal("Position.Longitude", [(s, 10 + s / 1e4) for s in at], device=device)
    return [*speed([(s, s) for s in at], device=device), *north, *east]


def test_a_page_needs_no_network_and_no_script() -> None:
    text = page(drive("car"), [batch(0, 0, 59)])
    assert "default-src 'none'; style-src 'sha256-" in text
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|\bon\w+=|\bstyle=|https?:|src=", text)


def test_every_text_is_escaped() -> None:
    refused = rows("refused", [])
    reason = pa.Table.from_pylist([{"source": EVIL, "reason": EVIL, "day": 0}], schema=refused.schema)
    named = pa.Table.from_pylist([{"device": EVIL, "name": EVIL, "brand": EVIL}], schema=tables.VEHICLES)
    samples = [*drive(EVIL), *signal(EVIL, [(0.0, 1.0)], device=EVIL, unit=EVIL)]
    text = page(samples, [batch(0, 0, 59, device=EVIL), batch(2, 60, 70, device=EVIL)], refused=reason, vehicles=named)
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&amp;") >= 8


class Drawings(HTMLParser):
    """How many points each line has, and how many drawings have a name."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []
        self.named = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "polyline":
            self.lines.append(len((said["points"] or "").split()))
        self.named += tag == "svg" and bool(said["aria-label"])


def test_a_trip_is_drawn_by_its_speed_and_its_way_and_signals_besides() -> None:
    seen = Drawings()
    seen.feed(page(drive("car"), [batch(0, 0, 59)]))
    assert (seen.lines, seen.named) == ([60] * 5, 5)


def test_a_hole_is_told_beside_the_trip_and_marked_in_every_table() -> None:
    text = page(drive("car"), [batch(0, 0, 19), batch(2, 30, 59)])
    assert "66.7 % of it arrived" in text
    assert len(re.findall(r"<td class='n bad'>", text)) >= 4
    assert "<td>middle</td><td>unknown</td>" in text


def test_of_an_empty_lake_a_page_says_none() -> None:
    assert page([], []).count("<p>None.</p>") == 7
