import base64
import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.desk.show import batch_line, lines_of, messages_of, sample_line, time_text
from edge_agent.errors import PayloadRefused
from edge_agent.spool.reading import Payload

COLUMN = {
    "name": "Motion.VehicleSpeed",
    "unit": "km/h",
    "factor": 0.5,
    "offset": 0.0,
    "agg": "last",
    "tu": "ms",
    "t0": 1_700_000_000_000,
    "dt": [0, 250],
    "raw": [100, 1],
    "val": [],
    "str": [],
}
BODY = {
    "schema": "columns/1",
    "device": "car",
    "boot": 2,
    "seq": 7,
    "rule": "trip",
    "config": 3,
    "why": "age",
    "kept": 2,
    "evicted": [{"boot": 1, "from": 4, "to": 6, "why": "cap"}],
    "columns": [COLUMN],
}
LINE = json.dumps(BODY).encode() + b"\n"


FRAMES = b"(1700000000.000001) can0 1A0#0011\n(1700000000.250000) body 18FEF100#R\n"


def payloads_of(path: Path) -> list[Payload]:
    return [message for message in messages_of(path) if isinstance(message, Payload)]


def with_frames(folder: Path) -> Path:
    """Arrivals of which the second is a log of frames."""
    path = arrivals(folder, LINE, gzip.compress(FRAMES))
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    second["properties"] = {"schema": "candump/1", "rule": "crash", "boot": "2", "seq": "8"}
    path.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in (first, second)))
    return path


def arrivals(folder: Path, *bodies: bytes) -> Path:
    path = folder / "arrived.jsonl"
    fields = {"at_ms": 1, "device": "car", "module": "telematics", "output": "telemetry", "properties": {}}
    rows = [{"n": n, **fields, "body": base64.b64encode(body).decode()} for n, body in enumerate(bodies, start=1)]
    path.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    "data",
    [LINE, gzip.compress(LINE), LINE + LINE, gzip.compress(LINE) + gzip.compress(LINE)],
    ids=["plain", "zipped", "plain twice", "zipped twice"],
)
def test_payloads_are_read_plain_and_zipped_one_or_several(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "payload"
    path.write_bytes(data)
    assert {(payload.seq, payload.kept) for payload in payloads_of(path)} == {(7, 2)}


def test_the_hub_s_file_of_arrivals_gives_the_payloads_in_it(tmp_path: Path) -> None:
    path = arrivals(tmp_path, gzip.compress(LINE), LINE)
    assert [payload.seq for payload in payloads_of(path)] == [7, 7]


def test_a_log_of_frames_among_the_arrivals_is_shown_frame_by_frame(tmp_path: Path) -> None:
    _, _, first, second = lines_of(with_frames(tmp_path), batches=False)
    assert first.split() == ["2023-11-14T22:13:20.000001Z", "can0", "1A0#0011", "crash", "2/8"]
    assert second.split() == ["2023-11-14T22:13:20.250Z", "body", "18FEF100#R", "crash", "2/8"]


def test_a_log_of_frames_is_one_batch(tmp_path: Path) -> None:
    _, line = lines_of(with_frames(tmp_path), batches=True)
    assert line == ("car 2/8  rule crash  2 frames  candump/1  2023-11-14T22:13:20.000001Z to 2023-11-14T22:13:20.250Z")


@pytest.mark.parametrize("data", [FRAMES, gzip.compress(FRAMES)], ids=["plain", "zipped"])
def test_a_file_of_frames_is_shown_though_nothing_says_whose_they_are(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "capture.log"
    path.write_bytes(data)
    assert [line.split()[1:] for line in lines_of(path, batches=False)] == [
        ["can0", "1A0#0011"],
        ["body", "18FEF100#R"],
    ]
    assert [line[:8] for line in lines_of(path, batches=True)] == ["2 frames"]


def test_a_broken_log_of_frames_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "capture.log"
    path.write_bytes(FRAMES + b"(170")
    with pytest.raises(PayloadRefused, match=r"capture\.log line 3: not a frame as candump logs it"):
        list(messages_of(path))


@pytest.mark.parametrize("whole", [0, 1])
def test_what_is_left_out_at_the_end_of_the_arrivals_is_told(whole: int, tmp_path: Path) -> None:
    path = arrivals(tmp_path, LINE, LINE)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:whole]) + lines[whole][:-10])

    shown = CliRunner().invoke(app, ["show", "--batches", str(path)])

    assert (shown.exit_code, len(shown.stdout.splitlines())) == (0, whole)
    size = len(lines[whole]) - 10
    assert shown.stderr == f"{path}: {size} bytes at the end are no whole line: still being written, or cut off\n"


def test_only_an_empty_file_has_nothing_in_it(tmp_path: Path) -> None:
    path = tmp_path / "payload.gz"
    path.write_bytes(gzip.compress(b""))
    (tmp_path / "empty").touch()

    assert CliRunner().invoke(app, ["show", str(path)]).stderr == f"{path}: no sample in it\n"
    assert CliRunner().invoke(app, ["show", str(tmp_path / "empty")]).stderr.endswith("empty: nothing in it\n")


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert list(messages_of(tmp_path / "empty")) == []


def test_an_aggregate_is_shown_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "payload"
    path.write_text(json.dumps(BODY | {"columns": [COLUMN | {"agg": "mean"}]}) + "\n")
    assert [line.split()[1:5] for line in lines_of(path, batches=False)] == [
        ["Motion.VehicleSpeed", "(mean)", "50", "km/h"],
        ["Motion.VehicleSpeed", "(mean)", "50.5", "km/h"],
    ]


def test_a_broken_arrival_is_named_by_its_message(tmp_path: Path) -> None:
    path = arrivals(tmp_path, LINE, b"broken")
    with pytest.raises(PayloadRefused, match=r"arrived\.jsonl message 2 line 1"):
        list(payloads_of(path))


def test_there_is_a_line_for_each_batch_or_for_each_sample(tmp_path: Path) -> None:
    path = arrivals(tmp_path, LINE)
    assert [line[:7] for line in lines_of(path, batches=True)] == ["car 2/7"]
    assert len(list(lines_of(path, batches=False))) == 2


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PayloadRefused, match="cannot be read: No such file"):
        list(payloads_of(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("t_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000_250_000_000, "2023-11-14T22:13:20.250Z"),
        (1_700_000_000_250_001_000, "2023-11-14T22:13:20.250001Z"),
        (1_700_000_000_000_000_001, "2023-11-14T22:13:20.000000001Z"),
    ],
)
def test_a_time_is_shown_as_fine_as_it_is(t_ns: int, text: str) -> None:
    assert time_text(t_ns) == text


def test_a_sample_is_shown_with_its_time_unit_and_batch(tmp_path: Path) -> None:
    (payload,) = payloads_of(arrivals(tmp_path, LINE))
    last = sample_line(payload, payload.samples[-1])
    assert last.split() == ["2023-11-14T22:13:20.250Z", "Motion.VehicleSpeed", "50.5", "km/h", "trip", "2/7"]


def test_a_batch_is_shown_with_what_was_given_up_before_it(tmp_path: Path) -> None:
    (payload,) = payloads_of(arrivals(tmp_path, LINE))
    line = batch_line(payload)
    assert line.startswith("car 2/7  rule trip  2 samples  columns/1  closed by age  config 3  ")
    assert "'from': 4, 'to': 6, 'why': 'cap'" in line
