"""The example rules of docs/examples on a recorded drive: their golden figures, and the page that shows them.

`python -m tests.golden.dry_run_examples` writes both anew, pictures and all, after a change that was meant.
"""

import asyncio
import json
import re
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.decode.catalog import Catalog
from edge_agent.desk.dry_run import DryRun, catalog_of, config_of, settings_of
from edge_agent.desk.dry_run_report import Use
from tests.acquire.told import Told
from tests.journey.recordings import LOGS

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PAGE = EXAMPLES / "README.md"
GOLDEN = Path(__file__).parent / "dry_run"
DRIVE = LOGS / "ford_mustang_s550"
LOG, DATABASE = DRIVE / "mustang_s550.log", DRIVE / "ford_lincoln_base_pt.dbc"
NAMES = ("trip", "driver-behaviour", "thermal", "engineering", "cheapest", "priorities")
SECONDS = 20.0
USE = Use(hours_a_day=2, offline_days=7, spool_cap_bytes=1 << 24)

CONSOLE = re.compile(
    r"^```console\n(?P<typed>\$ edge-agent (?P<command>(?:[^\n]*\\\n)*[^\n]*\n))(?P<said>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
"""a command, and all that it says"""


def catalog() -> Catalog:
    """The car's signals; 2 s."""
    return catalog_of(settings_of(LOG, [DATABASE], None, None))


def figures(name: str, catalog: Catalog) -> object:
    """What `--json` says of an example's first seconds; the log without its folder."""
    told = asyncio.run(_figures(name, catalog))
    told["log"]["path"] = LOG.name
    return told


async def _figures(name: str, catalog: Catalog) -> dict[str, dict[str, object]]:
    settings = settings_of(LOG, [DATABASE], None, None)
    trial = DryRun(settings, catalog, config_of(EXAMPLES / f"{name}.json", catalog), log=Told())
    await trial.run(seconds=SECONDS)
    found: dict[str, dict[str, object]] = json.loads(json.dumps(trial.report(USE).as_json()))
    return found


def golden_path(name: str) -> Path:
    """Where an example's figures lie."""
    return GOLDEN / f"{name}.json"


@contextmanager
def a_desk() -> Iterator[None]:
    """A working folder with what the page's commands name, and what they write kept apart."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (LOG, DATABASE):
            (Path(folder) / path.name).symlink_to(path)
        examples = Path(folder) / "docs" / "examples"
        examples.mkdir(parents=True)
        for name in NAMES:
            (examples / f"{name}.json").symlink_to(EXAMPLES / f"{name}.json")
        with chdir(folder):
            yield


def said_by(command: str) -> str:
    """What a command of the page prints on standard output; in `a_desk`."""
    result = CliRunner().invoke(app, shlex.split(command.replace("\\\n", "")))
    assert result.exit_code == 0, result.output
    return result.stdout


def _write() -> None:
    read = catalog()
    for name in NAMES:
        golden_path(name).write_text(json.dumps(figures(name, read), indent=1, ensure_ascii=False) + "\n")
    with a_desk():
        page = CONSOLE.sub(
            lambda block: f"```console\n{block['typed']}{said_by(block['command'])}```", PAGE.read_text()
        )
        PAGE.write_text(page)
        for picture in Path("docs/examples").glob("*.png"):
            (EXAMPLES / picture.name).write_bytes(picture.read_bytes())


if __name__ == "__main__":
    _write()
