r"""Writes a copy of the project that reads its gold tables another way, or that has no live page.

    python variant.py OUT --direct-lake WORKSPACE/LAKEHOUSE [--schema dbo] [--without-live]
    python variant.py OUT --folder 'C:\fleet\gold' [--without-live]
    python variant.py OUT --without-live

The project beside this file is the source: edit it, and make the copy again. It imports gold from a storage account;
Direct Lake reads the Delta tables of a lakehouse in Fabric without importing; a folder is a desk's. Exit code 2, and a
sentence, where OUT is there already or something is not as it should be.
"""  # noqa: INP001  a script beside the project, of no package

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
PARTS = ("Fleet.pbip", "Fleet.SemanticModel", "Fleet.Report")
_ID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GOLD_PARTITION = re.compile(r"\tpartition (\w+) = m\n\t\tmode: import\n\t\tsource =\n(?:\t{4,}.*\n)+")
_SOURCE = "AzureStorage.DataLake(Gold, [HierarchicalNavigation = true])"
_LAKEHOUSE = """
/// The lakehouse of the gold tables.
expression Lakehouse =
\t\tlet
\t\t\tSource = AzureStorage.DataLake("https://onelake.dfs.fabric.microsoft.com/ITEM", [HierarchicalNavigation = true])
\t\tin
\t\t\tSource
"""


def main(arguments: list[str]) -> int:
    """Make the copy; the exit code."""
    asked = _asked(arguments)
    if asked.out.exists():
        return _refused(f"{asked.out} is there already: name a folder that is not")
    for part in PARTS:
        _copy(HERE / part, asked.out / part)
    model = asked.out / "Fleet.SemanticModel" / "definition"
    try:
        if asked.direct_lake:
            read_directly(model, asked.direct_lake, asked.schema)
        if asked.folder:
            read_folder(model, asked.folder)
    except ValueError as error:
        shutil.rmtree(asked.out)
        return _refused(str(error))
    if asked.without_live:
        leave_out_live(model, asked.out / "Fleet.Report" / "definition" / "pages")
    return 0


def read_directly(model: Path, lakehouse: str, schema: str) -> None:
    """Every gold table as an entity of the lakehouse: no copy, and no refresh but of its newest version.

    Raises ValueError: a partition that reads gold is not written as this project writes them.
    """
    entity = (
        r"\tpartition \1 = entity\n\t\tmode: directLake\n\t\tsource\n\t\t\tentityName: \1\n"
        rf"\t\t\tschemaName: {schema}\n\t\t\texpressionSource: Lakehouse\n"
    )
    for path in sorted((model / "tables").glob("*.tmdl")):
        text = _GOLD_PARTITION.sub(entity, path.read_text(encoding="utf-8"))
        if "GoldFolder" in text:
            raise ValueError(f"{path.name}: its partition is not one import from GoldFolder")
        _write(path, text)
    _leave_out(model / "expressions.tmdl", r"^expression (Gold|GoldFolder|AsUtc) =")
    with (model / "expressions.tmdl").open("a", encoding="utf-8", newline="\n") as expressions:
        expressions.write(_LAKEHOUSE.replace("ITEM", lakehouse))
    _list_queries(model, {"Gold", "GoldFolder", "AsUtc"}, ["Lakehouse"])


def read_folder(model: Path, folder: str) -> None:
    """The gold tables of a folder on this machine, as the desk writes them.

    Raises ValueError: the expression GoldFolder is not as this project writes it.
    """
    path = model / "expressions.tmdl"
    text = path.read_text(encoding="utf-8")
    if _SOURCE not in text:
        raise ValueError(f"{path.name}: GoldFolder is not {_SOURCE}")
    text = re.sub(r'^(expression Gold = )"[^"]*"', lambda found: f'{found[1]}"{folder}"', text, flags=re.MULTILINE)
    _write(path, text.replace(_SOURCE, "Folder.Contents(Gold)"))


def leave_out_live(model: Path, pages: Path) -> None:
    """No table of Azure Data Explorer, nor the page that asks it: where there is no cluster, nothing asks for one."""
    (model / "tables" / "live.tmdl").unlink()
    shutil.rmtree(pages / "now")
    order = json.loads((pages / "pages.json").read_text(encoding="utf-8"))
    order["pageOrder"].remove("now")
    _write(pages / "pages.json", json.dumps(order, indent=2) + "\n")
    _leave_out(model / "relationships.tmdl", r"^relationship live_")
    _leave_out(model / "expressions.tmdl", r"^expression (Cluster|Database) =")
    for role in (model / "roles").glob("*.tmdl"):
        _write(role, re.sub(r"\n\ttablePermission live = .*\n", "", role.read_text(encoding="utf-8")))
    _write(model / "model.tmdl", (model / "model.tmdl").read_text(encoding="utf-8").replace("ref table live\n", ""))
    _list_queries(model, {"Cluster", "Database", "live"}, [])


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="variant.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="folder of the copy")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--direct-lake", type=_lakehouse, metavar="WORKSPACE/LAKEHOUSE")
    way.add_argument("--folder", type=_folder, help="folder of the gold tables on this machine")
    parser.add_argument("--schema", type=_name, default="dbo", help="the lakehouse's schema")
    parser.add_argument("--without-live", action="store_true", help="no table of Azure Data Explorer, and no page Now")
    return parser.parse_args(arguments)


def _lakehouse(text: str) -> str:
    if not re.fullmatch(f"{_ID}/{_ID}", text):
        raise argparse.ArgumentTypeError(f"{text} is not two ids with a slash between, as in the lakehouse's address")
    return text


def _folder(text: str) -> str:
    if '"' in text:
        raise argparse.ArgumentTypeError(f"{text} has a quotation mark")
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"\w+", text):
        raise argparse.ArgumentTypeError(f"{text} is no schema's name")
    return text


def _leave_out(path: Path, pattern: str) -> None:
    """Without the objects of a file of TMDL that begin so: lines that are not indented, with the description above."""
    text = path.read_text(encoding="utf-8")
    objects = re.findall(r"(?:^///.*\n)*^(?!///)\S.*\n(?:^(?:\t.*)?\n)*", text, re.MULTILINE)
    _write(path, "".join(one for one in objects if not re.search(pattern, one, re.MULTILINE)))


def _list_queries(model: Path, gone: set[str], new: list[str]) -> None:
    """The order of queries that Power Query shows, which names each."""
    path = model / "model.tmdl"
    text = path.read_text(encoding="utf-8")
    old = re.search(r"annotation PBI_QueryOrder = (\[.*\])", text)
    if old is not None:
        names = [name for name in json.loads(old[1]) if name not in gone] + new
        _write(path, text.replace(old[1], json.dumps(names, separators=(",", ":"))))


def _copy(source: Path, target: Path) -> None:
    """What Power BI Desktop keeps for one person stays where it is."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(".pbi"))
    else:
        target.parent.mkdir(parents=True)
        shutil.copy2(source, target)


def _refused(sentence: str) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201  a command's word
    return 2


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
