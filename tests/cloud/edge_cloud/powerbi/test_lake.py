"""A lake on a desk, as the model's queries would find it."""

import re
from pathlib import Path

import pytest

from edge_cloud.decode import decode
from edge_cloud.desk.making import make_gold
from edge_cloud.fleet.generator import Plan, generate
from edge_cloud.gold import Setting
from edge_cloud.lake import Lake
from tests.cloud.edge_cloud.powerbi import tmdl

PLAN = Plan(vehicles=2, seconds=20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of two vehicles, of which one is written down, and one reader who may see one brand."""
    folder = tmp_path_factory.mktemp("lake")
    generated = generate(PLAN)
    name = generated.truth.samples["device"][0].as_py()
    (folder / "vehicles.csv").write_text(f"device,name,brand,model,fleet\n{name},First,Brand,Model,North\n")
    (folder / "access.csv").write_text("user,brand,fleet\nreader@example.com,Brand,\n")
    with Lake.writing(folder) as lake:
        with lake.step():
            lake.append(decode(generated.messages).by_name())
        make_gold(lake, Setting(), None, None, lambda _name, _rows: None)
    return folder


def test_every_folder_that_the_model_opens_is_a_table_with_the_columns_it_chooses(project: Path, folder: Path) -> None:
    lake, partitions = Lake.reading(folder), tmdl.read(project / "Fleet.SemanticModel/definition").of("partition")
    opened = {
        found[1]: one for one in partitions if (found := re.search(r'GoldFolder\{\[Name = "(\w+)"\]\}', one.text))
    }

    assert len(opened) == 8
    for name, partition in opened.items():
        assert lake.has(name), name
        chosen = re.findall(r'"(\w+)"', re.findall(r"SelectColumns\(Source, \{(.*?)\}\)", partition.text)[0])
        assert lake.read(name).column_names == chosen


def test_a_vehicle_that_nobody_wrote_down_can_be_chosen_by_its_device(folder: Path) -> None:
    vehicles = Lake.reading(folder).read("vehicles").to_pylist()

    assert len(vehicles) == PLAN.vehicles
    assert sorted(one["name"] == one["device"] for one in vehicles) == [False, True]


def test_who_may_see_what_is_read_from_its_file(folder: Path) -> None:
    assert Lake.reading(folder).read("access").to_pylist() == [
        {"user": "reader@example.com", "brand": "Brand", "fleet": ""}
    ]
