import re

import pytest
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

from edge_agent import __version__
from edge_agent.cli import app, main

ROOT = typer.main.get_command(app)


def commands(group: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command, as it is typed."""
    if not isinstance(group, TyperGroup):
        return [path]
    return [found for name, command in group.commands.items() for found in commands(command, (*path, name))]


def test_every_command_is_known() -> None:
    assert {" ".join(path) for path in commands(ROOT)} == {
        "run",
        "demo",
        "hub",
        "replay",
        "decode",
        "check",
        "show",
        "twin get",
        "twin set",
        "method",
    }


@pytest.mark.parametrize("path", commands(ROOT), ids=" ".join)
def test_the_help_of_a_command_has_an_example_of_it(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})

    assert result.exit_code == 0
    assert "Example:" in result.output
    assert f"edge-agent {' '.join(path)}" in result.output.partition("Example:")[2]


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"{__version__}\n")


def test_without_a_command_the_commands_are_listed() -> None:
    result = CliRunner().invoke(app, [])
    assert all(path[0] in result.output for path in commands(ROOT))


def test_check_asks_for_something_to_check() -> None:
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 2
    assert "nothing to check" in result.output


def test_an_error_is_one_sentence_on_stderr_and_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["edge-agent", "show", "absent[1].jsonl"])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    assert left.value.code == 1
    assert said.out == ""
    assert re.fullmatch(r"error: absent\[1\]\.jsonl: cannot be read: .*\n", said.err)
