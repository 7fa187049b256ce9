"""Microsoft's parser reads the model, and finds in it what we find."""

from pathlib import Path

from tests.cloud.edge_cloud.powerbi import tmdl
from tests.cloud.edge_cloud.powerbi.tom import Read, Tom

MODEL = "Fleet.SemanticModel/definition"
TABLES = 10
MEASURES = 49
RELATIONSHIPS = 10


def test_microsofts_parser_finds_every_object_we_find(project: Path, found: Read) -> None:
    ours = tmdl.read(project / MODEL)

    assert not found.refused
    assert {line[0] for line in found.of("table")} == {one.name for one in ours.of("table")}
    assert {line[:2] for line in found.of("column")} == ours.columns()
    assert {line[1]: line[0] for line in found.of("measure")} == {k: v.table for k, v in ours.measures().items()}
    ends = {(".".join(one.end("fromColumn")), ".".join(one.end("toColumn"))) for one in ours.of("relationship")}
    assert {line[:2] for line in found.of("relationship")} == ends
    counts = [len(found.of(kind)) for kind in ("table", "measure", "relationship")]
    assert counts == [TABLES, MEASURES, RELATIONSHIPS]


def test_the_model_is_one_star_whose_filters_go_one_way(found: Read) -> None:
    relationships = found.of("relationship")

    assert {line[4] for line in relationships} == {"OneDirection"}
    assert [line[:2] for line in relationships if line[3] == "Many"] == [("costs.month", "dates.month")]


def test_gold_is_imported_and_the_live_table_is_asked(found: Read) -> None:
    modes = {line[0]: line[1:] for line in found.of("table")}

    assert modes.pop("live") == ("M", "DirectQuery")
    assert modes.pop("dates") == ("Calculated", "Import")
    assert set(modes.values()) == {("M", "Import")}


def test_microsofts_library_writes_the_model_as_it_stands_here(project: Path, tom: Tom, tmp_path: Path) -> None:
    """So saving it in an editor that uses the library shows in git what was changed, and nothing else."""
    found = tom.read(project / MODEL, tmp_path / "again")

    assert found.first == found.again
    written = {path.relative_to(tmp_path / "again"): path for path in (tmp_path / "again").rglob("*.tmdl")}
    ours = {path.relative_to(project / MODEL): path for path in (project / MODEL).rglob("*.tmdl")}
    assert set(written) == set(ours)
    for name, path in ours.items():
        assert written[name].read_text(encoding="utf-8-sig").strip() == path.read_text(encoding="utf-8").strip(), name
