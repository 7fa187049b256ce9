"""What is made of an advisory service's answer."""

import json

from tests.image.audit import read_audit

CLEAN = {"name": "numpy", "version": "2.4.6", "vulns": []}
FOUND = {"id": "PYSEC-2026-1", "fix_versions": ["2.0"], "aliases": [], "description": "..."}
VULNERABLE = {"name": "paho-mqtt", "version": "1.6.1", "vulns": [FOUND, {**FOUND, "id": "PYSEC-2026-2"}]}
SKIPPED = {"name": "rich", "skip_reason": "Dependency not found on PyPI and could not be audited: rich (15.0.0)"}


def report(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_packages_against_which_nothing_is_known_were_all_asked_about() -> None:
    audit = read_audit(report(CLEAN), "", {})

    assert (audit.known, audit.asked, audit.unasked) == ((), 1, "")


def test_an_advisory_is_a_sentence_with_the_version_that_mends_it_unless_it_is_explained() -> None:
    audit = read_audit(report(CLEAN, VULNERABLE), "", {"PYSEC-2026-2": "it concerns servers alone"})

    assert audit.known == ("paho-mqtt 1.6.1: PYSEC-2026-1, mended in 2.0",)


def test_a_package_that_the_service_does_not_know_is_never_taken_for_a_clean_one() -> None:
    audit = read_audit(report(CLEAN, SKIPPED), "", {})

    assert audit.known == ()
    assert audit.asked == 1
    assert audit.unasked.startswith("1 of 2 packages, the first: Dependency not found on PyPI")


def test_a_service_that_is_not_reached_is_told_by_the_last_line_of_the_crash() -> None:
    audit = read_audit("", "Traceback\n\nConnectionError: no such host\n", {})

    assert (audit.asked, audit.unasked) == (0, "ConnectionError: no such host")
