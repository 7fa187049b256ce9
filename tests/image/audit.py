"""Ask the advisory services what is known against the locked packages: `make audit`.

Exit code: 0 where nothing is, 1 where something is, 75 where no service could be asked for all of them (sysexits.h,
EX_TEMPFAIL; 0 with --unasked-is-fine, for a machine that is known to reach none).
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = ("requirements.lock", "modules/cabin/requirements.lock", "requirements.build.lock")
SERVICES: Final = ("pypi", "osv")
"""in this order, until one answers for every package"""
EXPLAINED: Final[Mapping[str, str]] = {}
"""advisories that do not concern the agent, by identifier, each with the reason"""
UNASKED = 75


@dataclass(frozen=True, slots=True)
class Audit:
    """What one service said."""

    known: tuple[str, ...]
    """a sentence for each advisory"""
    asked: int
    """packages that it knows"""
    unasked: str
    """why it does not know of all; empty where it does"""


def read_audit(report: str, said: str, explained: Mapping[str, str]) -> Audit:
    """Read what `pip-audit --format json` wrote; the last line of `said`, its standard error, is why it crashed."""
    if not report.strip():
        return Audit((), 0, (said.strip().splitlines() or ["it said nothing"])[-1])
    packages = json.loads(report)["dependencies"]
    skipped = [package["skip_reason"] for package in packages if "skip_reason" in package]
    known = tuple(
        f"{package['name']} {package['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none'}"
        for package in packages
        for found in package.get("vulns", ())
        if found["id"] not in explained
    )
    reason = f"{len(skipped)} of {len(packages)} packages, the first: {skipped[0]}" if skipped else ""
    return Audit(known, len(packages) - len(skipped), reason)


def asked(service: str) -> Audit:
    """Have pip-audit ask a service about all locks."""
    locks = [word for lock in LOCKS for word in ("--requirement", lock)]
    how = ("--vulnerability-service", service, "--disable-pip", "--require-hashes", "--progress-spinner", "off")
    words = (sys.executable, "-m", "pip_audit", *how, "--format", "json", *locks)
    told = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603  words of ours
    return read_audit(told.stdout, told.stderr, EXPLAINED)


def main() -> int:
    """Ask one service after the other until one has answered."""
    parser = argparse.ArgumentParser(prog="python -m tests.image.audit", description=__doc__)
    parser.add_argument("--unasked-is-fine", action="store_true")
    options = parser.parse_args()
    for service in SERVICES:
        audit = asked(service)
        if audit.known:
            _say("\n".join(audit.known))
            return 1
        if not audit.unasked:
            _say(f"{service} knows nothing against the {audit.asked} locked packages")
            return 0
        _say(f"{service} could not be asked about all: {audit.unasked}")
    _say("NOT AUDITED: no advisory service answered for every locked package")
    return 0 if options.unasked_is_fine else UNASKED


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
