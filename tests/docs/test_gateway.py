"""The files that docs/quickstart-gateway.md copies to a gateway."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_agent.settings import Settings, settings_of_environment
from tests.docs.pages import ROOT, text_of

FOLDER = ROOT / "docs" / "gateway"
PAGE = text_of("docs/quickstart-gateway.md")
SYSTEMD = shutil.which("systemd-analyze")


def read(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # systemd's keys have capitals
    parser.read_string((FOLDER / name).read_text())
    return parser


def given() -> Settings:
    """The settings that the service would have, its files being where they are copied from."""
    lines = [line for line in (FOLDER / "environment").read_text().splitlines() if not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in lines)
    buses = FOLDER / Path(variables["BUSES"]).name
    return settings_of_environment(variables | {"BUSES": str(buses)})


def test_every_file_is_copied_by_the_page() -> None:
    copied = set(re.findall(r"docs/gateway/([\w.-]+)", PAGE))

    assert copied == {path.name for path in FOLDER.iterdir()}


def test_the_settings_are_taken_and_name_where_the_page_puts_the_files() -> None:
    settings = given()

    assert settings.uplink == "hub"
    assert [bus.channel for bus in settings.buses] == ["can0"]
    assert all(f" {path}\n" in PAGE for bus in settings.buses for path in bus.dbc)
    assert "BUSES=/etc/edge-agent/buses.json" in (FOLDER / "environment").read_text()
    assert " /etc/edge-agent/buses.json\n" in PAGE


def test_the_service_keeps_what_the_settings_want_kept() -> None:
    service, settings = read("edge-agent.service")["Service"], given()

    assert Path("/var/lib") / service["StateDirectory"] == settings.data_folder
    assert Path(service["ReadWritePaths"]) == settings.data_folder
    assert service["EnvironmentFile"] in PAGE
    assert service["ExecStart"].split()[0].replace("edge-agent run", "") in PAGE.replace("sudo ", "")
    assert float(service["TimeoutStopSec"]) > settings.drain_s


def test_the_interface_has_the_bit_rate_that_the_buses_say() -> None:
    network = read("80-can0.network")

    assert network["Match"]["Name"] == given().buses[0].channel
    assert network["CAN"]["BitRate"] == "500K"
    assert given().buses[0].bitrate == 500_000


def test_every_line_that_the_page_explains_is_in_the_service() -> None:
    unit = (FOLDER / "edge-agent.service").read_text()
    explained = re.findall(r"`([A-Z]\w+(?:=[\w.-]+)?)`", PAGE.partition("## What the unit says")[2])

    assert explained
    assert [line for line in explained if line not in unit and line != "DRAIN_S"] == []


@pytest.mark.skipif(not SYSTEMD, reason="no systemd here")
def test_systemd_takes_the_service(tmp_path: Path) -> None:
    unit = (FOLDER / "edge-agent.service").read_text().replace("/opt/edge-agent/bin/edge-agent", "/bin/true")
    (tmp_path / "edge-agent.service").write_text(unit)

    words = (SYSTEMD or "", "verify", str(tmp_path / "edge-agent.service"))
    judged = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603  it reads one file

    assert judged.returncode == 0, judged.stderr
    assert "edge-agent.service" not in judged.stderr  # other units of this machine are not ours to judge
