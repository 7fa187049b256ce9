"""The modules that have an image, and what of it is each one's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Module:
    """One of them; folders are named as its distribution is."""

    name: str
    """in a deployment"""
    package: str
    """what `python -m` starts"""
    distribution: str
    folder: Path
    """of its Dockerfiles and its lock, from the project's root"""
    template: str
    """by which it is deployed"""
    journey: str
    """what is asked of it from inside"""
    most_bytes: int
    """of its image, unpacked, on top of its base"""

    @property
    def lock(self) -> Path:
        """What is installed."""
        return ROOT / self.folder / "requirements.lock"

    @property
    def installed_at(self) -> str:
        """Its Python environment, in the image."""
        return f"/opt/{self.distribution}"

    @property
    def volume(self) -> str:
        """What outlives the container."""
        return f"/var/lib/{self.distribution}"

    def dockerfile(self, platform: str) -> Path:
        """From the project's root, which is the context of both."""
        return self.folder / f"Dockerfile.{platform}"

    def ignored(self, platform: str) -> Path:
        """What keeps the rest of the context out: a Dockerfile's own file goes before the context's."""
        own = self.folder / f"Dockerfile.{platform}.dockerignore"
        return own if (ROOT / own).exists() else Path(".dockerignore")


TELEMATICS: Final = Module(
    name="telematics",
    package="edge_agent",
    distribution="edge-agent",
    folder=Path(),
    template="deployment.template.json",
    journey="journey",
    most_bytes=220 << 20,
)
CABIN: Final = Module(
    name="cabin",
    package="cabin",
    distribution="edge-agent-cabin",
    folder=Path("modules/cabin"),
    template="deployment.cabin.template.json",
    journey="page",
    most_bytes=90_000_000,
)
MODULES: Final = {module.name: module for module in (TELEMATICS, CABIN)}
