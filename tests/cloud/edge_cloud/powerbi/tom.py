"""Microsoft's own parser of TMDL (TOM), under mono: a small program, compiled in a test's folder, says what it read."""

import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "Tom.cs"
_NEEDED = (
    "Microsoft.AnalysisServices.Tabular.dll",
    "Microsoft.AnalysisServices.Core.dll",
    "Microsoft.AnalysisServices.dll",
)

Line = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """What `Tom.cs` printed of the model as it is and as TOM wrote it again; or why TOM refused it."""

    first: list[Line]
    again: list[Line]
    refused: str

    def of(self, kind: str) -> list[Line]:
        return [line[1:] for line in self.first if line[0] == kind]


class Tom:
    """The program; the libraries are those of the package pbi-cli-tool, which are nobody's to hand on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._libraries = _libraries()
        self._program = folder / "Tom.exe"
        references = [f"-r:{self._libraries / name}" for name in _NEEDED]
        compiler = ["mcs", "-nologo", f"-out:{self._program}", *references, str(SOURCE)]
        subprocess.run(compiler, check=True)  # noqa: S603  Debian's compiler, our own source

    def read(self, definition: Path, written: Path) -> Read:
        """Read a folder of TMDL, and write it again into `written`."""
        done = subprocess.run(  # noqa: S603  our own program
            ["mono", str(self._program), str(definition), str(written)],  # noqa: S607  Debian's
            env={"MONO_PATH": str(self._libraries), "HOME": str(self._folder), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        lines = [tuple(line.split("\t")) for line in done.stdout.splitlines()]
        if done.returncode:
            refused = " ".join(lines[-1][1:]) if lines else done.stderr
            if "ClientHostingManager" in refused:
                pytest.skip(
                    "libmono-system-runtime-serialization4.0-cil is not installed: without it the parser tells no fault"
                )
            return Read([], [], refused)
        half = lines.index(("again",))
        return Read(lines[:half], lines[half + 1 :], "")


def _libraries() -> Path:
    """Where the libraries lie. Skips the test, saying what is missing."""
    for tool in ("mono", "mcs"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: Microsoft's parser was NOT asked about the model")
    package = find_spec("pbi_cli")
    if package is None or package.origin is None:
        pytest.skip("pbi-cli-tool is not installed: Microsoft's parser was NOT asked about the model")
    return Path(package.origin).parent / "dlls"
