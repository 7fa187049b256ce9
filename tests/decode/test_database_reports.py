"""What the twin says of the databases."""

import hashlib
from pathlib import Path

from edge_agent.decode.database_reports import databases_told
from edge_agent.decode.load import load_catalog
from edge_agent.desk.vehicle import database_path
from tests.acquire.told import Told


def test_each_file_is_told_once_with_its_hash_and_what_cannot_be_used_comes_first(tmp_path: Path) -> None:
    good, bad = database_path(), tmp_path / "bad.dbc"
    bad.write_text("no database")
    catalog, refusals = load_catalog([("can0", [good, bad]), ("can1", [good])], Told())

    first, *others = databases_told(catalog, refusals)

    assert first.keys() == {"path", "error"}
    assert first["path"] == str(bad)
    assert others == [
        {
            "path": str(good),
            "sha256": hashlib.sha256(Path(good).read_bytes()).hexdigest()[:12],
            "messages": len(catalog.databases[0].messages),
            "signals": len(catalog) // 2,
        }
    ]
