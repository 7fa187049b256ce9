"""What docs/upgrade.md tells to type where an older release set a newer one's files aside."""

from pathlib import Path

from tests.desk.spools import BATCHES, left
from tests.docs.pages import blocks
from tests.docs.station import run, said, station


def test_samples_that_were_set_aside_are_had_with_the_release_that_knows_their_form(tmp_path: Path) -> None:
    folder = station(tmp_path)
    spool = left(folder / "data" / "spool", *BATCHES)
    for segment in spool.glob("*.seg"):
        segment.rename(f"{segment}.v2")
    (script,) = [block.text for block in blocks() if block.page == "docs/upgrade.md" and block.language == "sh"]

    code = run(f"export DATA_FOLDER={folder / 'data'}\n{script}", folder)

    assert code == 0, said(folder)
    assert f"{len(BATCHES)} batches exported" in said(folder)
    assert (folder / "out" / "payloads.jsonl").exists()
