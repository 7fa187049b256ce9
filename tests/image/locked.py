"""What a lock of uv's says."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements.lock"
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


def installed(files: Path) -> dict[str, str]:
    """Versions by name, of what is in the image with these files."""
    metadata = files.glob("opt/edge-agent/lib/python3*/site-packages/*.dist-info")
    pairs = [path.stem.rsplit("-", 1) for path in metadata]
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pairs}
