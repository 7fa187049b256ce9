"""What the pages tell to type is typed, block by block, each in a folder of its own.

What cannot be typed here stands in `verdicts.py` with its reason. It is still held to the commands, options, targets
and files that there are, as are commands within a sentence.
"""

import re
import shlex
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from edge_agent.cli import app
from tests.docs.pages import ROOT, Block, blocks, pages, text_of, words_in_code
from tests.docs.station import run, run_until, said, station, typed
from tests.docs.verdicts import EXAMPLES, LEFT_OUT, STOPPED

COMMANDS = [block for block in blocks() if block.language in {"sh", "console"}]
RUN = [block for block in COMMANDS if (block.page, block.first) not in LEFT_OUT]
AWAY = [block for block in COMMANDS if (block.page, block.first) in LEFT_OUT]
STARTS = ("edge-agent ", "make ", "pytest ", "python -m ", ".venv/bin/", "sudo ", "docker ", "az ")
INLINE = [(page, word) for page in pages() for word in words_in_code(text_of(page)) if word.startswith(STARTS)]
CTRL_C = {0, 130, -2}
CALL = re.compile(
    r"(?:^|[\s;|&(])(?:[^\s=]*/)?"
    r"((?:edge-agent|make|pytest|python(?:3)? -m (?:edge_agent|tests|bench)\S*)(?: [^\n;|&)]*)?)"
)
"""of what is ours, in a line of a shell"""


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize("block", RUN, ids=str)
def test_what_a_page_tells_to_type_works(block: Block, tmp_path: Path) -> None:
    folder = station(tmp_path)
    word = STOPPED.get((block.page, block.first))

    code = run_until(word, typed(block), folder) if word else run(typed(block), folder)

    hint = "mend it, or give it a reason in tests/docs/verdicts.py"
    assert code in (CTRL_C if word else {0}), f"{block} ended with {code} ({hint}):\n{block.text}\n{said(folder)}"


@pytest.mark.parametrize("block", AWAY, ids=str)
def test_what_is_not_typed_here_is_written_as_bash_writes_it(block: Block) -> None:
    words = ("/bin/bash", "-n", "-c", typed(block))
    judged = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603  read, not run

    assert judged.returncode == 0, f"{block}: {judged.stderr}"


@pytest.mark.parametrize("block", AWAY, ids=str)
def test_what_is_not_typed_here_names_commands_and_options_that_there_are(block: Block) -> None:
    assert [fault for words in ours_in(typed(block)) for fault in faults(words)] == [], str(block)


@pytest.mark.parametrize(("page", "command"), INLINE)
def test_a_command_within_a_sentence_names_what_there_is(page: str, command: str) -> None:
    assert [fault for words in ours_in(command) for fault in faults(words)] == [], f"{page}: {command}"


def test_no_verdict_is_about_a_block_that_is_gone() -> None:
    there = {(block.page, block.first) for block in COMMANDS}

    assert sorted((LEFT_OUT.keys() | STOPPED.keys()) - there) == []
    assert LEFT_OUT.keys() & STOPPED.keys() == set()


def test_a_verdict_is_about_one_block() -> None:
    seen = Counter((block.page, block.first) for block in COMMANDS)

    alike = {key for key, reason in LEFT_OUT.items() if reason == EXAMPLES}
    assert [key for key in LEFT_OUT.keys() | STOPPED.keys() if seen[key] > 1 and key not in alike] == []


def test_what_another_test_types_is_named_by_its_file() -> None:
    named = [word for reason in LEFT_OUT.values() for word in reason.split() if word.startswith("tests/")]

    assert [word for word in named if not (ROOT / word.rstrip(".,:;")).exists()] == []


def ours_in(script: str) -> list[list[str]]:
    """Calls of what is ours in lines of a shell, each split into words."""
    joined = script.replace("\\\n", " ")
    calls = CALL.findall(joined)
    return [shlex.split(call, comments=True) for call in calls if call.count("'") % 2 == 0]


def faults(words: list[str]) -> list[str]:
    """What a call names that is not there."""
    match words:
        case ["edge-agent", *arguments]:
            return _faults_of_ours(typer.main.get_command(app), arguments)
        case ["make", *targets]:
            named = [target for target in targets if "=" not in target]
            return [f"no target {target}" for target in named if not _makes(target)]
        case ["pytest", *arguments]:
            paths = [one.partition("::")[0] for one in arguments if one.startswith("tests/")]
            return [f"no file {path}" for path in paths if not (ROOT / path).exists()]
        case [_, "-m", module, *arguments]:
            return _faults_of_a_module(module, arguments)
    return []


def _faults_of_ours(command: object, arguments: list[str]) -> list[str]:
    if isinstance(command, TyperGroup) and arguments and not arguments[0].startswith("-"):
        inner = command.commands.get(arguments[0])
        return _faults_of_ours(inner, arguments[1:]) if inner else [f"no command {arguments[0]}"]
    assert isinstance(command, TyperGroup | TyperCommand)
    known = {"--help", *(name for one in command.params for name in (*one.opts, *one.secondary_opts))}
    given = [one.partition("=")[0] for one in arguments if one.startswith("--")]
    return [f"no option {one}" for one in given if one not in known]


def _faults_of_a_module(module: str, arguments: list[str]) -> list[str]:
    path = ROOT / module.replace(".", "/")
    files = [file for file in (path.with_suffix(".py"), path / "__main__.py") if file.exists()]
    if not files:
        return [f"no module {module}"]
    source = files[0].read_text()
    return [
        f"no option {one}" for one in arguments if one.startswith("--") and f'"{one.partition("=")[0]}"' not in source
    ]


@cache
def _makes(target: str) -> bool:
    words = (shutil.which("make") or "make", "-n", target)
    made = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)  # noqa: S603  says what it would do
    return made.returncode == 0


def test_a_command_that_is_not_there_is_found() -> None:
    assert faults(["edge-agent", "dance"]) == ["no command dance"]
    assert faults(["edge-agent", "spool", "ls", "--colour"]) == ["no option --colour"]
    assert faults(["make", "tea"]) == ["no target tea"]
    assert faults(["python", "-m", "bench.tea"]) == ["no module bench.tea"]
    assert faults(["python", "-m", "tests.powercut", "--tea"]) == ["no option --tea"]
    assert faults(["pytest", "tests/tea.py"]) == ["no file tests/tea.py"]
    assert ours_in("FOO=1 .venv/bin/edge-agent run | head -1; cd x && make demo") == [
        ["edge-agent", "run"],
        ["make", "demo"],
    ]
