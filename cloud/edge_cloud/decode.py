"""Messages in, rows out: the only decoder in Python; Spark's workers and the desk call it alike. Pure.

A chunk of messages becomes tables at once, with one cumulative sum over all columns of all its batches. A chunk that
does not go is taken again message by message, so that a bad one is refused alone, with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from edge_cloud import tables
from edge_cloud.bodies import is_frames, payload_texts
from edge_cloud.columns import DAY_US, Columns, Json
from edge_cloud.errors import NotABody
from edge_cloud.records import Decoded, Message

Row: TypeAlias = dict[str, object]

_COMPUTED: Final = {"device", "boot", "seq", "prev_boot", "prev_last_seq", "opened", "closed"}
_ELSEWHERE: Final = {"enqueued", "source", "body", "day"}
_BATCH_FIELDS: Final = [name for name in tables.BATCHES.names if name not in _COMPUTED | _ELSEWHERE]
_BUS_FIELDS: Final = [name for name in tables.BUSES.names if name not in {"device", "boot", "seq", "bus", "day"}]
_LAST_MS: Final = (1 << 63) // 1_000_000
_LARGEST: Final = 10**12
"""of what counts boots and batches: sums of lost batches stay in 64 bits, whatever one vehicle says"""
_HARSH: Final = ("harsh_accelerations", "harsh_brakes", "harsh_corners")


def decode(messages: Sequence[Message]) -> Decoded:
    """Every payload of every message, in their order; what is none stands in `refused`."""
    try:
        return _decoded(messages)
    except NotABody:
        return _joined([_one(message) for message in messages])


def _one(message: Message) -> Decoded:
    try:
        return _decoded([message])
    except NotABody as error:
        return _Rows(refused=[_refusal(message, error.reason)]).decoded()


def _decoded(messages: Sequence[Message]) -> Decoded:
    rows = _Rows()
    for message in messages:
        rows.take(message)
    return rows.decoded()


def _joined(parts: Sequence[Decoded]) -> Decoded:
    names = tables.DECODED
    found = {name: pa.concat_tables([part.by_name()[name] for part in parts]) for name in names}
    return Decoded(**{name: table if parts else names[name].empty_table() for name, table in found.items()})


@dataclass(slots=True)
class _Rows:
    """Rows of a chunk, as they are found."""

    batches: list[Row] = field(default_factory=list)
    columns: Columns = field(default_factory=Columns)
    hot: list[Row] = field(default_factory=list)
    evictions: list[Row] = field(default_factory=list)
    buses: list[Row] = field(default_factory=list)
    firings: list[Row] = field(default_factory=list)
    trip_reports: list[Row] = field(default_factory=list)
    refused: list[Row] = field(default_factory=list)

    def take(self, message: Message) -> None:
        """All payloads of a message, or none of them. Raises NotABody."""
        if message.properties.get("schema") == "candump/1" or is_frames(message.body):
            self.batches.append(_frames(message))
            return
        texts = list(payload_texts(message.body))
        for text in texts:
            self._payload(message, text, message.body if len(texts) == 1 else text)

    def _payload(self, message: Message, text: bytes, body: bytes) -> None:
        try:
            payload = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise NotABody(f"it is no JSON: {error}") from None
        if not isinstance(payload, dict):
            raise NotABody("it is no JSON object")
        try:
            self._header(message, payload, body)
            self._content(payload)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotABody(f"it has no usable {error}") from None

    def _header(self, message: Message, payload: Json, body: bytes) -> None:
        if message.device and payload["device"] != message.device:
            raise NotABody(f"it says it is of {payload['device']}, the hub that {message.device} sent it")
        key = _key(payload)
        prev: Mapping[str, object] = payload["prev"]  # type: ignore[assignment]
        row = {**key, **{name: payload[name] for name in _BATCH_FIELDS}}
        row |= {"prev_boot": prev["boot"], "prev_last_seq": prev["last_seq"], "body": body}
        _judge_counts({name: row[name] for name in ("prev_boot", "prev_last_seq") if row[name] is not None})
        row |= {"opened": _micros(payload["opened_ms"]), "closed": _micros(payload["closed_ms"])}
        row |= {"enqueued": message.enqueued_us or None, "source": message.source, "day": _day(row["opened"])}
        self.batches.append(row)
        day, rule = row["day"], {"rule": payload["rule"], "kind": payload["kind"]}
        for lost in payload["evicted"]:  # type: ignore[attr-defined]
            told = {"lost_boot": lost["boot"], "from_seq": lost["from"], "to_seq": lost["to"], "why": lost["why"]}
            _judge_range(told)
            self.evictions.append({**key, **told, "day": day})
        for bus in payload["buses"]:  # type: ignore[attr-defined]
            self.buses.append({**key, "bus": bus["name"], **{name: bus[name] for name in _BUS_FIELDS}, "day": day})
        for fired in map(_micros, payload["fired_ms"]):  # type: ignore[call-overload]
            self.firings.append({**key, **rule, "fired": fired, "day": _day(fired)})

    def _content(self, payload: Json) -> None:
        match payload["schema"]:
            case "columns/1":
                before = len(self.columns.dt)
                for column in payload["columns"]:  # type: ignore[attr-defined]
                    self.columns.add(len(self.batches) - 1, column)
                _whole(payload, len(self.columns.dt) - before)
            case "rows/1":
                self.hot += (hot := _hot(payload))
                _whole(payload, len(hot))
            case "trip/1":
                self.trip_reports.append(_trip_report(payload))
            case schema:
                raise NotABody(f"its schema {schema} is not known; a newer reader is needed")

    def decoded(self) -> Decoded:
        """The tables. Raises NotABody: a value of a kind that its column does not have."""
        batches = _table("batches", self.batches)
        keys = [(row["device"], row["boot"], row["seq"], row["rule"]) for row in self.batches]
        samples = self.columns.table(keys)  # type: ignore[arg-type]  # the table above judged them
        return Decoded(
            batches=batches,
            samples=pa.concat_tables([samples, _table("samples", self.hot)]) if self.hot else samples,
            evictions=_table("evictions", self.evictions),
            buses=_table("buses", self.buses),
            firings=_table("firings", self.firings),
            trip_reports=_table("trip_reports", self.trip_reports),
            refused=_table("refused", self.refused),
        )


def _table(name: str, rows: Sequence[Row]) -> pa.Table:
    schema = tables.DECODED[name]
    try:
        table = pa.Table.from_pylist(list(rows), schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError) as error:
        raise NotABody(f"it has a value of the wrong kind: {error}") from None
    if rows and pc.any(pc.is_null(table["day"])).as_py():
        raise NotABody("it has no time")
    return table


def _whole(payload: Json, samples: int) -> None:
    """The header says how many samples there are. Raises NotABody: there are not."""
    if payload["kept"] != samples:
        raise NotABody(f"it says it holds {payload['kept']} samples, and holds {samples}")


def _key(payload: Json) -> Row:
    """Raises NotABody: a part of it is of another kind; a null, and a float that is whole, would pass for a column."""
    for name, kind in (("device", str), ("boot", int), ("seq", int)):
        if not isinstance(payload[name], kind):
            raise NotABody(f"it has a value of the wrong kind: {name} is {payload[name]!r}")
    _judge_counts({name: payload[name] for name in ("boot", "seq")})
    return {name: payload[name] for name in ("device", "boot", "seq")}


def _judge_counts(counts: Row) -> None:
    """Raises NotABody: one is no number that a vehicle comes to. Of one of 64 bits the sums of a whole fleet die."""
    for name, value in counts.items():
        if not isinstance(value, int) or not 0 <= value <= _LARGEST:
            raise NotABody(f"its {name} is {value!r}, which counts nothing")


def _judge_range(told: Row) -> None:
    """Raises NotABody: what it tells of lost batches is no range."""
    first, last = told["from_seq"], told["to_seq"]
    _judge_counts({"lost_boot": told["lost_boot"], "from_seq": first, "to_seq": last})
    if first > last:  # type: ignore[operator]  # judged above
        raise NotABody(f"it tells of lost batches {first} to {last}, which is no range")


def _micros(ms: object) -> int:
    if not isinstance(ms, int) or not 0 <= ms < _LAST_MS:
        raise ValueError(f"time {ms}")
    return ms * 1000


def _day(micros: object) -> int | None:
    return micros // DAY_US if isinstance(micros, int) else None


def _frames(message: Message) -> Row:
    """The row of a log of frames: only its message's properties tell whose it is.

    Raises NotABody: they do not.
    """
    tells = message.properties
    try:
        key: Row = {"device": message.device or None, "boot": int(tells["boot"]), "seq": int(tells["seq"])}
    except (KeyError, ValueError) as error:
        raise NotABody(f"frames whose message has no usable {error}") from None
    if not message.device:
        raise NotABody("frames of no known device")
    row = {**key, "schema": "candump/1", "rule": tells.get("rule"), "lane": tells.get("lane")}
    row |= {"enqueued": message.enqueued_us or None, "source": message.source, "body": message.body}
    return row | {"day": _day(message.enqueued_us)}


def _hot(payload: Json) -> list[Row]:
    """Samples of `rows/1`, whose values are scaled already."""
    each = {**_key(payload), "rule": payload["rule"], "unit": "", "max_error": None, "text": None}
    found: list[Row] = []
    for row in payload["rows"]:  # type: ignore[attr-defined]
        t = _micros(row["t"])
        for signal, value in row["signals"].items():
            found.append({**each, "signal": signal, "agg": row["agg"], "t": t, "value": value, "day": _day(t)})
    return found


def _trip_report(payload: Json) -> Row:
    """What the head unit summed up; a figure it does not name, or not as a number, is null."""
    trip: Mapping[str, object] = payload["trip"]  # type: ignore[assignment]
    numbers = {name: value for name, value in trip.items() if isinstance(value, int | float) and value is not True}
    started, ended = (_seconds(numbers.get(name)) for name in ("start_s", "end_s"))
    harsh = [int(numbers[name]) for name in _HARSH if name in numbers]
    return {
        **_key(payload),
        "id": payload["id"],
        "started": started,
        "ended": ended,
        "km": numbers.get("distance_km"),
        "kwh": numbers.get("energy_kwh"),
        "max_kmh": numbers.get("max_speed_kmh"),
        "harsh": sum(harsh) if harsh else None,
        "completeness": numbers.get("completeness"),
        "summary": orjson.dumps(trip).decode(),
        "day": _day(started if started is not None else _micros(payload["opened_ms"])),
    }


def _seconds(value: float | None) -> int | None:
    return None if value is None else _micros(int(value * 1000))


def _refusal(message: Message, reason: str) -> Row:
    micros = message.enqueued_us
    row: Row = {"source": message.source, "enqueued": micros or None, "device": message.device or None}
    return row | {"reason": reason, "body": message.body, "day": _day(micros)}
