from pathlib import Path

import pytest

from edge_cloud.desk.dimensions import built_in_roles, roles_of, vehicles_of, write_dimensions
from edge_cloud.errors import NotAFile
from edge_cloud.lake import Lake

HEAD = "role,signal,factor\n"


def test_roles_keep_their_order_as_rank() -> None:
    rows = roles_of("r.csv", f"{HEAD}speed,B,3.6\nspeed,A,1\n").to_pylist()
    assert [(row["signal"], row["factor"], row["rank"]) for row in rows] == [("B", 3.6, 1), ("A", 1.0, 2)]
    assert built_in_roles().num_rows > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "r.csv:1: must be the names role,signal,factor"),
        (f"{HEAD}speed,A\n", "r.csv:2: must have 3 values"),
        (f"{HEAD}speed,A,1\nsped,B,1\n", "r.csv:3: role 'sped' is none of speed, odometer"),
        (f"{HEAD}speed,A,fast\n", "r.csv:2: factor 'fast' is no number"),
        (f"{HEAD}speed,A,nan\n", "r.csv:2: factor 'nan' is no number"),
        (f"{HEAD}speed,A,inf\n", "r.csv:2: factor 'inf' is no number"),
        (f"{HEAD}speed,A,0\n", "r.csv:2: factor '0' makes nothing of every value"),
    ],
)
def test_a_mistake_in_the_roles_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(NotAFile) as raised:
        roles_of("r.csv", text)
    assert said in str(raised.value)


def test_a_vehicle_that_stands_there_twice_is_named_with_both_lines() -> None:
    with pytest.raises(NotAFile, match=r"v\.csv:3: device 'car' stands in line 2 already"):
        vehicles_of("v.csv", "device,name,brand,model,fleet\ncar,A,b,m,f\ncar,B,b,m,f\n")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\0"])
def test_a_file_that_cannot_be_read_is_one_sentence_and_the_lake_as_it_was(
    content: bytes | None, tmp_path: Path
) -> None:
    roles = tmp_path / "mine.csv"
    if content is not None:
        roles.write_bytes(content)
    with pytest.raises(NotAFile, match=r"mine\.csv"), Lake.writing(tmp_path / "lake") as lake, lake.step():
        write_dimensions(lake, roles, None)
