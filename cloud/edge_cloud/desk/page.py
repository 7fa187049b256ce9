"""One HTML page of a lake: self-contained, without a script, every text escaped."""

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import Final

import pyarrow as pa

from edge_cloud.desk.answers import cell
from edge_cloud.desk.drawing import path, series
from edge_cloud.gold import Engine

_TRIPS_DRAWN: Final = 12
_VEHICLES_DRAWN: Final = 6
_ROWS: Final = 200
"""of a table; a page is to be read"""

_FLEET: Final = """\
select
    count(distinct device) as vehicles, coalesce(sum(trips), 0) as trips, round(sum(km), 1) as km,
    round(sum(kwh), 1) as kwh, coalesce(sum(samples), 0) as samples, coalesce(sum(got), 0) as batches_arrived,
    (select coalesce(sum(batches), 0) from gaps) as batches_lost,
    (select count(*) from refused) as messages_refused
from daily"""

_VEHICLES: Final = """\
select
    coalesce(max(vehicles.name), daily.device) as vehicle, max(vehicles.brand) as brand, max(vehicles.model) as model,
    sum(trips) as trips, round(sum(km), 1) as km, round(sum(kwh), 1) as kwh, sum(harsh) as harsh,
    round(sum(body_bytes) / 1e6, 2) as sent_mb, max(day) as last_day,
    round(100.0 * max(whole.got) / nullif(max(whole.got + whole.lost), 0), 2) as complete_percent
from daily
left join vehicles on daily.device = vehicles.device
left join (select device, sum(got) as got, sum(lost) as lost from completeness group by device) as whole
    on daily.device = whole.device
group by daily.device
order by vehicle"""

_TRIPS: Final = """\
select
    device, started, round(minutes, 1) as minutes, round(km, 2) as km, km_source, round(kwh, 2) as kwh,
    round(mean_kmh) as mean_kmh, round(max_kmh) as max_kmh, harsh, got as batches, lost,
    round(100 * completeness, 1) as complete_percent
from trips order by started desc, device"""

_DRAWN_TRIPS: Final = """\
select device, started, unix_micros(started) as from_us, unix_micros(ended) as to_us, minutes, km, completeness
from trips order by started desc, device"""

_ROLE: Final = """\
select unix_micros(samples.t) / 1e6 as s, samples.value * roles.factor as value
from samples join roles on samples.signal = roles.signal
where roles.role = '{role}' and samples.agg = 'last' and samples.value is not null and samples.device = '{device}'
    and samples.t between timestamp_micros({from_us}) and timestamp_micros({to_us})
    and roles.rank = (select min(rank) from roles join last_known on roles.signal = last_known.signal
        where role = '{role}' and device = '{device}')
order by s"""

_DEVICES: Final = "select distinct device from last_known order by device"

_MOST_SAMPLED: Final = """\
select signal, max(unit) as unit, count(*) as samples
from samples where device = '{device}' and agg = 'last' and value is not null
group by signal order by samples desc, signal limit {limit}"""

_SIGNAL: Final = """\
select unix_micros(t) / 1e6 as s, value from samples
where device = '{device}' and signal = '{signal}' and agg = 'last' and value is not null
order by s"""

_TABLES: Final = (
    ("Days", "select * from daily order by day desc, device"),
    ("Gaps", "select * from gaps order by device, boot, from_seq"),
    ("Completeness", "select * from completeness order by device, boot"),
    ("Refused", "select reason, count(*) as messages, min(source) as first_of_them from refused group by reason"),
    ("Costs", "select * from costs order by month, device"),
)


def page_of(engine: Engine, signals: int) -> str:
    """The page, from the tables of `edge_cloud.tables`; of each vehicle that many signals are drawn."""
    style = files("edge_cloud").joinpath("desk", "page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>The fleet</title>'
        f"<style>{style}</style></head><body><h1>The fleet</h1>"
    )
    return head + "".join(_sections(engine, signals)) + "</body></html>\n"


def _sections(engine: Engine, signals: int) -> Iterator[str]:
    yield _overview(engine(_FLEET).to_pylist()[0])
    yield _section("Vehicles", engine(_VEHICLES))
    yield _section("Trips", engine(_TRIPS))
    yield from _drawn_trips(engine)
    for device in engine("select distinct device from last_known order by device")["device"].to_pylist()[
        :_VEHICLES_DRAWN
    ]:
        yield _signals(engine, device, signals)
    for title, query in _TABLES:
        yield _section(title, engine(query))


def _overview(row: dict[str, object]) -> str:
    items = []
    for name, value in row.items():
        bad = ' class="bad"' if name in {"batches_lost", "messages_refused"} and value else ""
        items.append(f"<div><dt>{escape(name.replace('_', ' '))}</dt><dd{bad}>{escape(cell(value))}</dd></div>")
    return f"<dl>{''.join(items)}</dl>"


def _section(title: str, rows: pa.Table) -> str:
    shown = rows.slice(0, _ROWS)
    more = f"<p>The first {_ROWS} of {rows.num_rows}.</p>" if rows.num_rows > _ROWS else ""
    return f"<h2>{escape(title)}</h2>{_table(shown) if rows.num_rows else '<p>None.</p>'}{more}"


def _table(rows: pa.Table) -> str:
    right = {
        name for name, kind in zip(rows.column_names, rows.schema.types, strict=True) if not pa.types.is_string(kind)
    }
    heads = "".join(_cell("th", name.replace("_", " "), name in right) for name in rows.column_names)
    lines = []
    for row in rows.to_pylist():
        cells = (_cell("td", cell(value), name in right, bad=_is_bad(name, value)) for name, value in row.items())
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _is_bad(name: str, value: object) -> bool:
    """What is not whole is marked, so that no figure beside it is taken for the whole."""
    whole = {"completeness": 1.0, "complete_percent": 100.0}.get(name)
    return whole is not None and isinstance(value, float) and value < whole


def _cell(kind: str, text: str, right: bool, *, bad: bool = False) -> str:
    names = " ".join(name for name, holds in (("n", right), ("bad", bad)) if holds)
    return f"<{kind}{f' class={names!r}' if names else ''}>{escape(text)}</{kind}>"


def _drawn_trips(engine: Engine) -> Iterator[str]:
    for trip in engine(_DRAWN_TRIPS).slice(0, _TRIPS_DRAWN).to_pylist():
        place = {"device": _quoted(trip["device"]), "from_us": trip["from_us"], "to_us": trip["to_us"]}
        speed = _points(engine(_ROLE.format(role="speed", **place)))
        where = {role: _points(engine(_ROLE.format(role=role, **place))) for role in ("latitude", "longitude")}
        shape = path(_places(where["latitude"], where["longitude"]), "the way, north is up, the dot is the start")
        title = f"{trip['device']}, {cell(trip['started'])} UTC: {cell(trip['km'])} km in {trip['minutes']:.1f} min"
        if trip["completeness"] != 1:
            title += f", {100 * (trip['completeness'] or 0):.1f} % of it arrived"
        drawn = series(speed, "speed in km/h") + shape
        yield f'<h3>{escape(title)}</h3><div class="trip">{drawn}</div>'


def _places(latitudes: list[tuple[float, float]], longitudes: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """What lies in one second is one place, as in the trips' query."""
    east = {int(s): value for s, value in longitudes}
    north = {int(s): value for s, value in latitudes}
    return [(north[s], east[s]) for s in sorted(north.keys() & east.keys()) if north[s] or east[s]]


def _signals(engine: Engine, device: str, limit: int) -> str:
    figures = []
    for row in engine(_MOST_SAMPLED.format(device=_quoted(device), limit=limit)).to_pylist():
        points = _points(engine(_SIGNAL.format(device=_quoted(device), signal=_quoted(row["signal"]))))
        unit = f" in {row['unit']}" if row["unit"] else ""
        figures.append(series(points, f"{row['signal']}{unit}, {row['samples']} samples"))
    return f'<h2>Signals of {escape(device)}</h2><div class="plots">{"".join(figures)}</div>'


def _points(rows: pa.Table) -> list[tuple[float, float]]:
    return list(zip(rows["s"].to_pylist(), rows["value"].to_pylist(), strict=True))


def _quoted(text: str) -> str:
    return text.replace("'", "''")
