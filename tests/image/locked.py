"""What a lock of uv's says."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Final

from tests.image.modules import ROOT, Module

BUILD_LOCK: Final = ROOT / "requirements.build.lock"

PIN: Final = re.compile(
    r"^(?P<name>[a-z0-9.-]+)==(?P<version>\S+)(?P<marker> ;.*)? \\\n(?P<rest>(?:^    .*\n?)+)", re.MULTILINE
)
"""one package with its hashes, and for whose sake it is there"""


def pins(lock: Path) -> dict[str, list[str]]:
    """Versions by name: more than one where Python's version decides."""
    found: dict[str, list[str]] = defaultdict(list)
    for pin in PIN.finditer(lock.read_text()):
        found[pin["name"]].append(pin["version"])
    return dict(found)


def installed(files: Path, module: Module) -> dict[str, str]:
    """Versions by name, of what is in the module's image, which has these files."""
    metadata = files.glob(f"{module.installed_at.lstrip('/')}/lib/python3*/site-packages/*.dist-info")
    pairs = [path.stem.rsplit("-", 1) for path in metadata]
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pairs}
