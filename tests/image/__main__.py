"""Build a module's image for a platform, and run it there as a vehicle would: `make image-arm64`, `make image-cabin`.

Exit code: 0 where the journey inside lost nothing, 75 where it cannot be built here (sysexits.h, EX_TEMPFAIL).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.image import buildah
from tests.image.deployed import Restrictions, restrictions
from tests.image.locked import installed, pins
from tests.image.modules import MODULES, ROOT, Module

NOT_HERE = 75
RUN_S = 900
"""of the container, emulated: it takes 75 on idle cores, 180 on busy ones"""
CONTAINER = Path(__file__).with_name("container")
USER, GROUP = "10001", "10001"


def main() -> int:
    """Base, image, sizes, container."""
    options = _options()
    wanted, module = buildah.PLATFORMS[options.platform], MODULES[options.module]
    reason = buildah.cannot(wanted)
    if reason or options.ask:
        _say(reason or "it can be built here")
        return NOT_HERE if reason else 0
    base = options.base or wanted.base
    if base == wanted.base and not buildah.has(base):
        _timed("base", lambda: buildah.make_base(wanted))
    _timed("image", lambda: buildah.build(wanted, module, base))
    image = buildah.made(wanted.image(module))
    _as_promised(image, module)
    with buildah.mounted(wanted, base) as below, buildah.mounted(wanted, wanted.image(module)) as files:
        _as_locked(files, module)
        _small_enough(below, files, module)
        how = restrictions(ROOT / module.template, module.name)
        return _contained(files, image, module, how, emulated=wanted.machine != os.uname().machine)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    parser.add_argument("--module", choices=tuple(MODULES), default="telematics")
    parser.add_argument("--platform", choices=tuple(buildah.PLATFORMS), default="arm64v8")
    parser.add_argument("--base", help="a base that is here already; one is made without it")
    parser.add_argument("--ask", action="store_true", help="only say whether it can be done here, and if not, why")
    return parser.parse_args()


def _as_promised(image: buildah.Made, module: Module) -> None:
    assert image.user == f"{USER}:{GROUP}", image.user
    assert image.stop_signal == "SIGTERM", image.stop_signal
    assert image.volumes == (module.volume,), image.volumes
    assert image.health == f"CMD python -m {module.package} health", image.health
    assert (*image.entrypoint, *image.command) == ("python", "-OO", "-m", module.package, "run"), image
    told = f"{image.history} {' '.join(image.environment)}"
    found = [word for word in ("PIP_INDEX_URL=", "PIP_CERT=", os.environ.get("PIP_INDEX_URL")) if word and word in told]
    assert not found, f"the image tells of its builder: {found}"


def _as_locked(files: Path, module: Module) -> None:
    locked, there = pins(module.lock), installed(files, module)
    others = {name: version for name, version in there.items() if version not in locked.get(name, ())}
    assert set(others) == {module.distribution}, f"not as locked: {others}"
    _say(f"{len(there) - 1} packages, each as locked")


def _small_enough(below: Path, files: Path, module: Module) -> None:
    under, whole = buildah.unpacked_bytes(below), buildah.unpacked_bytes(files)
    _say(f"unpacked: base {under / 1e6:.0f} MB, on top of it {(whole - under) / 1e6:.0f} MB")
    assert whole - under <= module.most_bytes, f"more than {module.most_bytes / 1e6:.0f} MB"


def _contained(files: Path, image: buildah.Made, module: Module, deployed: Restrictions, *, emulated: bool) -> int:
    """The journey in a container with what the template leaves it; 1 at the latest after RUN_S."""
    volume = Path(tempfile.mkdtemp(prefix="volume-"))
    os.chown(volume, int(USER), int(GROUP))
    # What is emulated takes minutes and leaves the cores to others; what is not is held to how long it takes.
    modest = ("nice", "-n", "10") if emulated else ()
    apart = (*modest, "unshare", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child")
    begun_with = (str(CONTAINER), str(files), str(volume), module.volume, deployed.tmpfs, USER, GROUP)
    journey = ("python", "-m", f"tests.image.inside.{module.journey}", *(("--emulated",) if emulated else ()))
    words = (*begun_with, *image.environment, "--", *journey)
    try:
        ended = subprocess.run((*apart, *words), check=False, timeout=RUN_S)  # noqa: S603  words of ours
    except subprocess.TimeoutExpired:
        _say(f"not over after {RUN_S} s")
        return 1
    finally:
        shutil.rmtree(volume)
    return ended.returncode


def _timed(name: str, step: Callable[[], None]) -> None:
    begun = time.monotonic()
    step()
    _say(f"{name}: {time.monotonic() - begun:.0f} s")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
