import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.decode.database_cache import DatabaseCache, parsed
from edge_agent.desk.vehicle import database_path
from edge_agent.errors import DatabaseRefused
from tests.acquire.told import Told

GOOD = 'VERSION ""\nBU_: A\nBO_ 1 M: 8 A\n SG_ V : 0|8@1+ (1,0) [0|0] "" A\n'
REMARKED = GOOD + ' SG_ Far : 64|8@1+ (1,0) [0|0] "" A\n'


@pytest.fixture
def car(tmp_path: Path) -> Path:
    path = tmp_path / "car.dbc"
    path.write_text(REMARKED)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "databases"


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} is parsed")

    monkeypatch.setattr("edge_agent.decode.dbc.load_database", refuse)


def started(folder: Path, told: Told, *paths: Path) -> None:
    """As a start of the agent does."""
    cache = DatabaseCache(folder, told)
    for path in paths:
        cache.load(path)
    cache.forget_others()


def test_a_second_start_parses_nothing_and_says_the_same(
    car: Path, folder: Path, told: Told, request: pytest.FixtureRequest
) -> None:
    first = DatabaseCache(folder, told).load(car)
    request.getfixturevalue("no_parser")
    second = DatabaseCache(folder, told).load(car)

    assert repr(second) == repr(first) == repr(second)
    assert second.remarks == ("signal M.Far: does not fit in its message of 8 bytes",)
    assert told.lines == []


def test_a_second_start_does_not_even_import_cantools(folder: Path, told: Told) -> None:
    started(folder, told, database_path())
    code = (
        "import sys, pathlib, structlog;"
        "from edge_agent.settings import *; from edge_agent.wiring.source import catalog_of;"
        "settings = Settings(buses=[BusSettings(name='a', channel='c', dbc=[sys.argv[1]])], data_folder=sys.argv[2]);"
        "catalog, _ = catalog_of(settings, structlog.get_logger());"
        "print(len(catalog) > 50, 'cantools' in sys.modules)"
    )
    arguments = [sys.executable, "-W", "error", "-c", code, str(database_path()), str(folder.parent)]

    said = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout  # noqa: S603  our own code

    assert said.splitlines()[-1] == "True False"


def test_only_the_owner_may_read_what_is_kept(car: Path, folder: Path, told: Told) -> None:
    started(folder, told, car)

    [entry] = folder.iterdir()
    assert entry.stat().st_mode & 0o777 == 0o600


def test_a_changed_file_is_another_and_the_old_one_is_forgotten(car: Path, folder: Path, told: Told) -> None:
    started(folder, told, car)
    [before] = folder.iterdir()
    car.write_text(GOOD.replace("SG_ V", "SG_ W"))
    started(folder, told, car)
    [after] = folder.iterdir()

    assert before != after
    assert [signal.name for signal in DatabaseCache(folder, told).load(car).messages[0].signals] == ["W"]


def test_only_what_the_settings_name_stays(car: Path, folder: Path, told: Told) -> None:
    other = car.with_name("other.dbc")
    other.write_text(GOOD)
    started(folder, told, car, other)
    (folder / "left.bin.tmp").write_bytes(b"of a write that was cut short")
    assert len(list(folder.iterdir())) == 3

    started(folder, told, other)

    assert len(list(folder.iterdir())) == 1


@pytest.mark.usefixtures("no_parser")
def test_without_databases_there_is_nothing_to_keep(folder: Path, told: Told) -> None:
    started(folder, told)

    assert not folder.exists()


def test_the_same_bytes_under_another_name_are_parsed_once(
    car: Path, folder: Path, told: Told, request: pytest.FixtureRequest
) -> None:
    copy = car.with_name("copy.dbc")
    copy.write_bytes(car.read_bytes())
    cache = DatabaseCache(folder, told)
    first = cache.load(car)
    request.getfixturevalue("no_parser")
    second = cache.load(copy)

    assert (first.path, second.path) == (str(car), str(copy))
    assert second.messages is first.messages


def test_the_same_bytes_in_another_format_are_another_database(car: Path, folder: Path, told: Told) -> None:
    started(folder, told, car)
    disguised = car.with_suffix(".sym")
    disguised.write_bytes(car.read_bytes())

    with pytest.raises(DatabaseRefused):
        DatabaseCache(folder, told).load(disguised)


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda data: data[:-3], lambda data: data[:150] + b"x" + data[151:], lambda _: b"\x80\x04."],
    ids=["empty", "cut short", "a byte", "a pickle"],
)
def test_a_damaged_one_is_told_once_and_made_anew(car: Path, folder: Path, told: Told, damage: object) -> None:
    started(folder, told, car)
    [entry] = folder.iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))  # type: ignore[operator]

    started(folder, told, car)
    started(folder, told, car)

    assert entry.read_bytes() == whole
    assert [(level, name) for level, name, _ in told.lines] == [("warning", "decode.kept_database_unusable")]


@pytest.mark.parametrize("changed", ["FORMAT", "__version__", "version"])
def test_another_version_parses_anew(
    car: Path, folder: Path, told: Told, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(folder, told, car)
    [entry] = folder.iterdir()
    before = entry.read_bytes()
    other = (lambda _: "99") if changed == "version" else "99"
    monkeypatch.setattr(f"edge_agent.decode.database_cache.{changed}", other)

    started(folder, told, car)
    started(folder, told, car)

    assert entry.read_bytes() != before
    assert told.lines == [("info", "decode.kept_database_outdated", {"path": str(car)})]


def test_another_files_entry_is_not_taken_for_this_ones(car: Path, folder: Path, told: Told) -> None:
    other = car.with_name("other.dbc")
    other.write_text(GOOD)
    started(folder, told, car, other)
    first, second = folder.iterdir()
    first.write_bytes(second.read_bytes())

    cache = DatabaseCache(folder, told)

    assert {str(cache.load(path)) for path in (car, other)} == {str(parsed(path)) for path in (car, other)}
    assert told.levels("decode.kept_database_outdated") == ["info"]


def test_a_refused_file_is_not_kept_and_is_refused_again(folder: Path, told: Told, tmp_path: Path) -> None:
    bad = tmp_path / "bad.dbc"
    bad.write_text("BO_ what: is this\n")
    for _ in range(2):
        with pytest.raises(DatabaseRefused) as refused:
            started(folder, told, bad)
        assert refused.value.line == 1

    with pytest.raises(DatabaseRefused, match="no such file"):
        started(folder, told, tmp_path / "gone.dbc")
    assert not folder.exists()


def test_a_file_that_changes_while_it_is_parsed_is_not_kept(
    car: Path, folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(path: Path) -> object:
        database = parsed(path)
        path.write_text(GOOD)
        return database

    monkeypatch.setattr("edge_agent.decode.database_cache.parsed", parse)
    DatabaseCache(folder, told).load(car)

    assert not folder.exists()


def test_a_folder_that_cannot_be_written_costs_the_time_of_parsing(car: Path, folder: Path, told: Told) -> None:
    folder.parent.mkdir()
    folder.write_text("a file")

    for _ in range(2):
        started(folder, told, car)

    assert len(told.fields("decode.database_not_kept")) == 2
    assert set(told.levels("decode.database_not_kept")) == {"warning"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_one_that_cannot_be_read_is_told(car: Path, folder: Path, told: Told) -> None:
    started(folder, told, car)
    [entry] = folder.iterdir()
    entry.chmod(0)

    started(folder, told, car)

    assert told.levels("decode.kept_database_unusable") == ["warning"]
