"""Images without an engine: mmdebstrap makes the base, buildah the rest, and qemu runs what is of another CPU."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.image.modules import ROOT, Module

SUITE: Final = "bookworm"
AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"

PACKAGES: Final = {
    "arch-test": "arch-test",
    "buildah": "buildah",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "qemu-aarch64-static": "qemu-user-static",
    "unshare": "util-linux",
    "update-binfmts": "binfmt-support",
}
"""commands that are needed, and Debian's packages that bring them"""

INCLUDED: Final = ("ca-certificates", "netbase", "python3", "python3-venv", "tzdata")
"""what the slim images of Python have beside a minimal Debian"""
NOT_UNPACKED: Final = ("doc", "info", "locale", "man")
"""folders of /usr/share that Debian's slim images leave out too"""

NOT_THE_BUILDERS: Final = 'rm --force "$1/etc/hostname" "$1/etc/resolv.conf"'
"""mmdebstrap takes both from the machine it runs on (its manual, OPERATION)"""

_BINFMT = Path("/proc/sys/fs/binfmt_misc")


@dataclass(frozen=True, slots=True)
class Platform:
    """One of those an image is for, as IoT Edge's tools, Debian and the kernel call it."""

    name: str
    debian: str
    machine: str

    @property
    def base(self) -> str:
        """The base that is made here."""
        return f"localhost/edge-agent-base:{SUITE}-{self.debian}"

    def image(self, module: Module) -> str:
        """The image that is built here."""
        return f"localhost/{module.distribution}:{self.name}"


PLATFORMS: Final = {
    platform.name: platform
    for platform in (Platform("arm64v8", "arm64", "aarch64"), Platform("amd64", "amd64", "x86_64"))
}


@dataclass(frozen=True, slots=True)
class Made:
    """What an image says of how its container is to be started."""

    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: tuple[str, ...]
    user: str
    volumes: tuple[str, ...]
    stop_signal: str
    health: str
    history: str
    """as JSON"""


def cannot(wanted: Platform) -> str:
    """Why an image of this platform cannot be built here, in a sentence; empty where it can."""
    if os.geteuid():
        return "it takes root: to make a base and to mount it"
    missing = sorted(package for command, package in PACKAGES.items() if shutil.which(command) is None)
    if missing:
        return f"commands are missing: apt-get install --no-install-recommends {' '.join(missing)}"
    return "" if wanted.machine == os.uname().machine else _not_emulated(wanted)


def _not_emulated(wanted: Platform) -> str:
    """The kernel starts programs of another CPU by qemu once binfmt_misc is mounted and told of it."""
    if not (_BINFMT / "status").exists():
        mounted = _said("mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT))
        if mounted.returncode:
            return f"binfmt_misc cannot be mounted: {mounted.stderr.strip()}"
    emulator = f"qemu-{wanted.machine}"
    if not (_BINFMT / emulator).exists():
        _said("update-binfmts", "--import", emulator)
        _said("update-binfmts", "--enable", emulator)
    judged = _said("arch-test", wanted.debian)
    return "" if judged.returncode == 0 else f"programs of {wanted.debian} do not run here: {judged.stdout.strip()}"


def has(image: str) -> bool:
    """Whether it was made already."""
    return _said("buildah", "inspect", "--type", "image", image).returncode == 0


def make_base(wanted: Platform) -> None:
    """A minimal Debian with Python, from Debian's archive, as the platform's base."""
    with tempfile.TemporaryDirectory(prefix="base-") as folder:
        files = Path(folder) / "files.tar"
        excluded = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in NOT_UNPACKED]
        _run(
            *("mmdebstrap", "--mode=root", "--variant=minbase", f"--architectures={wanted.debian}", *excluded),
            *('--aptopt=Apt::Install-Recommends "false"', f"--include={','.join(INCLUDED)}"),
            *(f"--customize-hook={NOT_THE_BUILDERS}", SUITE, str(files)),
        )
        container = _printed("buildah", "from", "--arch", wanted.debian, "scratch")
        _run("buildah", "add", "--quiet", container, str(files), "/")
        _run("buildah", "commit", "--quiet", "--rm", "--format", "docker", container, wanted.base)


def build(wanted: Platform, module: Module, base: str) -> None:
    """The module's image; packages come from where this machine has them, which the image does not tell."""
    index = os.environ.get("PIP_INDEX_URL")
    elsewhere = [f"--build-arg=PIP_INDEX_URL={index}"] if index else []
    _run(
        *("buildah", "build", "--layers", "--format", "docker", "--isolation", "chroot", "--network", "host"),
        *("--arch", wanted.debian, "--tag", wanted.image(module), "--pull-never"),
        *("--file", str(module.dockerfile(wanted.name)), "--ignorefile", str(module.ignored(wanted.name))),
        *("--build-arg", f"BASE={base}", *elsewhere, "--build-arg", f"PIP_CERT={AUTHORITIES}"),
        *("--volume", f"{AUTHORITIES}:{AUTHORITIES}:ro", "."),
    )


def made(image: str) -> Made:
    """What it says of itself."""
    told = json.loads(_printed("buildah", "inspect", "--type", "image", image))["Docker"]
    config = told["config"]
    return Made(
        entrypoint=tuple(config["Entrypoint"]),
        command=tuple(config["Cmd"]),
        environment=tuple(config["Env"]),
        user=config["User"],
        volumes=tuple(config["Volumes"]),
        stop_signal=config["StopSignal"],
        health=" ".join(config["Healthcheck"]["Test"]),
        history=json.dumps(told["history"]),
    )


@contextmanager
def mounted(wanted: Platform, image: str) -> Iterator[Path]:
    """Its files, for as long as this lasts."""
    container = _printed("buildah", "from", "--arch", wanted.debian, "--pull-never", image)
    try:
        yield Path(_printed("buildah", "mount", container))
    finally:
        _run("buildah", "rm", container, aloud=False)


def unpacked_bytes(folder: Path) -> int:
    """What its files take on a disk of 4 KB blocks, each once."""
    return int(_printed("du", "--summarize", "--block-size=1", "--one-file-system", str(folder)).split()[0])


def _run(*words: str, aloud: bool = True) -> None:
    out = None if aloud else subprocess.DEVNULL
    subprocess.run(_modest(words), cwd=ROOT, check=True, stdout=out)  # noqa: S603  words of ours


def _printed(*words: str) -> str:
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()  # noqa: S603


def _said(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, check=False, capture_output=True, text=True)  # noqa: S603


def _modest(words: Sequence[str]) -> list[str]:
    return ["nice", "-n", "10", *words]
