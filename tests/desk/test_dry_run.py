"""The dry run against the agent, by its front door, and on a recorded drive.

The golden figures, the page docs/examples/README.md and its pictures are written anew by
`python -m tests.golden.dry_run_examples`.
"""

import gzip
import io
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from edge_agent.cli import app, main
from edge_agent.decode.catalog import Catalog
from edge_agent.desk.dry_run import FIRST_VERSION, DryRun, catalog_of, config_of, settings_of
from edge_agent.desk.dry_run_report import Figures, Use
from edge_agent.desk.vehicle import database_path
from edge_agent.errors import DocumentRefused
from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.records import Batch, Envelope
from edge_agent.spool.reading import read_payloads
from edge_agent.uplink.metering import message_bytes
from tests.acquire.told import Told
from tests.golden.dry_run_examples import (
    CONSOLE,
    EXAMPLES,
    LOG,
    NAMES,
    PAGE,
    a_desk,
    catalog,
    figures,
    golden_path,
    said_by,
)
from tests.journey.line import agent_process, desire, document, local_hub
from tests.journey.recordings import DATA, LOGS, write_drive

DBC = str(database_path())
RULES: Mapping[str, object] = {
    "trip": {"kind": "periodic", "every_ms": 1000, "signals": ["Motion.*", "Battery.StateOfCharge"], "priority": 3},
    "lamps": {"kind": "on_change", "signals": ["Body.*"], "lane": "hot", "batch": {"max_age_s": 2}},
    "speeding": {
        "kind": "event",
        "when": "Motion.VehicleSpeed > 20",
        "before_s": 1,
        "after_s": 1,
        "signals": ["Brake.*", "Motion.*"],
    },
    "state": {"kind": "snapshot", "at": "Motion.VehicleSpeed > 10", "signals": ["Body.*", "Battery.*"]},
    "study": {"kind": "on_change", "signals": ["*"], "priority": 9, "batch": {"max_age_s": 3, "max_bytes": 20_000}},
}

recorded_drive = pytest.mark.skipif(not LOGS.is_dir(), reason=f"NO RECORDED DRIVE WAS TESTED: {DATA} is missing")


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Twelve seconds of the demonstration vehicle."""
    return write_drive(tmp_path / "drive.log", 7, 12.0)


@pytest.fixture
def twin(tmp_path: Path) -> Callable[..., Path]:
    def written(**rules: object) -> Path:
        path = tmp_path / "twin.json"
        path.write_text(json.dumps(document(**rules)))
        return path

    return written


@pytest.fixture
def failed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Mapping[str, str]], str]:
    """What a dry run says on stderr that ends with 1."""

    def run(arguments: Mapping[str, str]) -> str:
        words = [word for option in arguments.items() for word in option]
        monkeypatch.setattr("sys.argv", ["edge-agent", "dry-run", *words])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 1
        return capsys.readouterr().err

    return run


def told(*arguments: object, exit_code: int = 0) -> str:
    """What `edge-agent dry-run` prints on standard output."""
    result = CliRunner().invoke(app, ["dry-run", *map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    return result.stdout


# --- by the front door ---------------------------------------------------------------------------


def test_a_table_shows_what_each_rule_keeps_and_costs(drive: Path, twin: Callable[..., Path]) -> None:
    said = told("--log", drive, "--dbc", DBC, "--twin", twin(**RULES))

    lines = said.splitlines()
    assert lines[0].startswith(f"{drive}: 12.0 s, ")
    assert [line.split()[0] for line in lines[4:10]] == [*RULES, "total"]
    assert "a month is 30 days of 2 h, in drives as long as this log" in said


def test_json_is_one_object_with_every_figure(drive: Path, twin: Callable[..., Path]) -> None:
    arguments = ("--log", drive, "--dbc", DBC, "--twin", twin(**RULES), "--json", "--hours", 4, "--offline-days", 3)
    body = json.loads(told(*arguments))

    assert [one["rule"] for one in body["rules"]] == list(RULES)
    assert body["use"]["hours_a_day"] == 4
    assert body["use"]["offline_days"] == 3
    assert body["use"]["spool_cap_bytes"] == 1 << 30
    assert body["total"]["samples_kept"] == sum(one["samples_kept"] for one in body["rules"])
    assert body["rules"][-1]["samples_in"] == body["log"]["samples"]


def test_the_same_drive_and_rules_give_the_same_figures(drive: Path, twin: Callable[..., Path]) -> None:
    arguments = ("--log", drive, "--dbc", DBC, "--twin", twin(**RULES), "--json")

    assert told(*arguments) == told(*arguments)


def test_the_begin_of_a_log_can_be_tried_alone(drive: Path, twin: Callable[..., Path]) -> None:
    body = json.loads(told("--log", drive, "--dbc", DBC, "--twin", twin(**RULES), "--seconds", 3, "--json"))

    assert body["log"]["drive_s"] == pytest.approx(3.0, abs=0.06)


def test_a_mapping_gives_the_rules_and_the_table_its_names(drive: Path, twin: Callable[..., Path]) -> None:
    rules = twin(speed={"kind": "on_change", "signals": ["Vehicle.Speed"]})
    mapping = database_path().with_suffix(".vss.json")

    assert json.loads(told("--log", drive, "--dbc", DBC, "--vss", mapping, "--twin", rules, "--json"))["total"][
        "messages"
    ]


def test_a_small_spool_says_who_loses_what(drive: Path, twin: Callable[..., Path]) -> None:
    said = told("--log", drive, "--dbc", DBC, "--twin", twin(**RULES), "--spool-cap-bytes", 1 << 20)

    assert "offline for 7 days, a spool of 1 MiB is full after" in said
    assert re.search(r"^study .* of 7 days$", said, re.MULTILINE)


def test_a_plot_shows_the_signals_that_were_asked_for(drive: Path, twin: Callable[..., Path], tmp_path: Path) -> None:
    picture = tmp_path / "out.svg"
    told("--log", drive, "--dbc", DBC, "--twin", twin(**RULES), "--plot", picture, "--signal", "Motion.VehicleSpeed")

    assert "Motion.VehicleSpeed" in picture.read_text()
    assert "Battery.StateOfCharge" not in picture.read_text()


def test_the_buses_of_the_environment_are_read_from_their_channels_of_the_log(
    drive: Path, twin: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = drive.read_text()
    both = tmp_path / "both.log"
    lines = (line for pair in zip(frames.splitlines(), frames.splitlines(), strict=True) for line in pair)
    both.write_text("".join(f"{line.replace('can0', f'can{i % 2}')}\n" for i, line in enumerate(lines)))
    bus = {"channel": "can0", "dbc": [DBC]}
    buses = [{**bus, "name": "front"}, {**bus, "name": "rear", "channel": "can1"}]
    monkeypatch.setenv("BUSES", json.dumps(buses))
    only = {"kind": "on_change", "signals": ["rear.Motion.VehicleSpeed"]}
    body = json.loads(told("--log", both, "--twin", twin(only=only), "--json"))

    assert body["log"]["buses"]["front"]["seen"] == body["log"]["buses"]["rear"]["seen"] == len(frames.splitlines())
    assert body["rules"][0]["samples_in"] == 1200


@pytest.mark.parametrize(("slow_s", "shown"), [(0.0, True), (1000.0, False)])
def test_a_terminal_is_shown_how_far_a_slow_run_has_come(
    slow_s: float, shown: bool, drive: Path, twin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr("edge_agent.desk.progress.stderr", Console(file=terminal, force_terminal=True, width=100))
    monkeypatch.setattr("edge_agent.desk.progress.SLOW_S", slow_s)
    said = told("--log", drive, "--dbc", DBC, "--twin", twin(**RULES))

    frames = re.search(r"([\d,]+) frames", said)
    assert frames
    assert (f"{frames[1].replace(',', '')} frames" in terminal.getvalue()) == shown
    assert shown or not terminal.getvalue()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"--twin": "absent.json"}, r"absent\.json: cannot be read: No such file or directory"),
        ({"--log": "absent.log"}, r"absent\.log: .*"),
        ({"--dbc": "absent.dbc"}, r"absent\.dbc: .*"),
        ({"--plot": "out.pdf"}, r"out\.pdf: a plot ends in \.png or \.svg"),
        ({"--plot": "out.png", "--signal": "Motor.Nothing"}, r"--signal Motor\.Nothing: no signal of the rules .*"),
        ({"--spool-cap-bytes": "5"}, r"SPOOL_CAP_BYTES: .*1048576.*"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_its_place(
    arguments: dict[str, str],
    sentence: str,
    drive: Path,
    twin: Callable[..., Path],
    failed: Callable[..., str],
) -> None:
    given = {"--log": str(drive), "--dbc": DBC, "--twin": str(twin(**RULES)), **arguments}
    assert re.fullmatch(rf"error: {sentence}\n", failed(given))


def test_every_mistake_in_the_rules_is_named_with_its_file_and_place(
    drive: Path, twin: Callable[..., Path], failed: Callable[..., str]
) -> None:
    rules = twin(
        one={"kind": "periodic", "every_ms": 1000, "signals": ["Motion.Sped"]},
        two={"kind": "on_change", "signals": ["Nothing"]},
    )
    said = failed({"--log": str(drive), "--dbc": DBC, "--twin": str(rules)})

    assert f"{rules} rules.one.signals[0]: no signal 'Motion.Sped'" in said
    assert f"{rules} rules.two.signals[0]: no signal 'Nothing'" in said


@pytest.mark.parametrize(
    ("version", "taken"), [(7, 7), (True, FIRST_VERSION), ("3", FIRST_VERSION), (2.5, FIRST_VERSION)]
)
def test_the_files_version_is_that_of_the_rules_where_it_is_one(tmp_path: Path, version: object, taken: int) -> None:
    rules = tmp_path / "twin.json"
    rules.write_text(json.dumps({"$version": version, **document()}))

    assert config_of(rules, Catalog([])).version == taken


def test_a_rule_that_is_written_twice_is_a_mistake_and_no_dry_run_of_the_second(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('{"schema_version": 1, "rules": {"trip": {},\n "trip": {}}}')
    with pytest.raises(DocumentRefused) as refused:
        config_of(rules, Catalog([]))
    assert str(refused.value) == f"{rules} line 2 column 2: 'trip' stands twice in one object"


def test_a_file_of_rules_may_begin_with_the_mark_that_windows_writes(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('{"schema_version": 1}', encoding="utf-8-sig")
    assert config_of(rules, Catalog([])).rules == ()


def test_a_mapping_goes_with_databases_that_are_named_beside_it(
    drive: Path, twin: Callable[..., Path], failed: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUSES", json.dumps([{"name": "car", "channel": "can0", "dbc": [str(DBC)]}]))

    given = {"--log": str(drive), "--twin": str(twin(**RULES)), "--vss": "car.vss.json"}
    assert failed(given).startswith("error: car.vss.json: a mapping goes with --dbc")


def test_the_page_explains_every_figure_and_every_option(drive: Path, twin: Callable[..., Path]) -> None:
    page = PAGE.parents[1].joinpath("dry-run.md").read_text()
    body = json.loads(told("--log", drive, "--dbc", DBC, "--twin", twin(**RULES), "--json", "--seconds", 1))
    names = {*body["use"], *body["rules"][0], *body["total"], *(f"log.{name}" for name in body["log"])}
    options = set(re.findall(r"--[a-z][a-z-]+", told("--help"))) - {"--help"}

    assert not [name for name in names if not re.search(rf"`(rules\[\]\.)?{re.escape(name)}`", page)]
    assert len(options) > 10
    assert not [option for option in options if f"`{option}`" not in page]


# --- against the agent ---------------------------------------------------------------------------


async def dry(log: Path, twin: Path) -> tuple[list[tuple[Batch, Envelope]], Figures]:
    settings = settings_of(log, [], None, None)
    known = catalog_of(settings)
    trial = DryRun(settings, known, config_of(twin, known), log=Told())
    made: list[tuple[Batch, Envelope]] = []
    await trial.run(take=lambda batch, envelope: made.append((batch, envelope)))
    return made, trial.report(Use(2, 7, 1 << 30)).total


def plain(body: bytes) -> tuple[object, int]:
    """A payload but for the agent's age, which in a replay is the machine's; and its size without it."""
    text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    ageless = re.sub(rb'"uptime_ms":\d+', b'"uptime_ms":0', text)
    assert ageless != text
    return json.loads(ageless), len(gzip.compress(ageless, mtime=0))


def with_troubles(drive: Path, path: Path) -> Path:
    """The drive with unknown and too short frames, a minute of silence, and a message that ends early."""
    lines = drive.read_text().splitlines()
    with path.open("w") as file:
        for at, line in enumerate(lines):
            time, _, frame = re.match(r"\((\S+)\) (\S+) (\S+)", line).groups()  # type: ignore[union-attr]  # our own
            later = Decimal(time) + (65 if at > len(lines) // 2 else 0)
            if at % 50 == 0:
                file.write(f"({later}) can0 7AB#00\n({later}) can0 120#00\n")
            if at < len(lines) * 0.9 or not frame.startswith("110#"):
                file.write(f"({later}) can0 {frame}\n")
    return path


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_the_agent_puts_on_disk_and_sends_what_the_dry_run_says(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = with_troubles(drive, tmp_path / "troubled.log")
    bus = {"name": "powertrain", "interface": "virtual", "channel": "car", "bitrate": 250_000, "dbc": [DBC]}
    monkeypatch.setenv("BUSES", buses := json.dumps([bus]))
    async with local_hub(tmp_path / "hub", "127.0.0.73") as hub:
        await desire(hub.folder, document(**RULES))
        variables = {"BUSES": buses, "REPLAY_LOG": str(log), "REPLAY_SPEED": "0"}
        async with agent_process(tmp_path, variables | hub.environment("connection_string")) as agent:
            assert await agent.ended(40) == 0, agent.text()
            kept = sum(int(str(event["samples"])) for event in agent.events("policy.batch_sealed"))
    arrivals = {
        (one.properties["boot"], one.properties["seq"]): one
        for one in read_arrivals(tmp_path / "hub" / "arrived.jsonl")
    }
    rules = tmp_path / "twin.json"
    [first] = read_payloads(arrivals["1", "0"].body, "the first message")
    rules.write_text(json.dumps({"$version": first.header["config"], **document(**RULES)}))
    made, total = await dry(log, rules)

    assert len(made) == len(arrivals) > 10
    assert {batch.rule.name for batch, _ in made} == set(RULES)
    for batch, envelope in made:
        arrived = arrivals["1", str(batch.seq)]
        custom = {name: value for name, value in arrived.properties.items() if not name.startswith("$")}
        system = [arrived.properties[name] for name in ("$.mid", "$.ct", "$.ce")]
        assert plain(arrived.body) == plain(envelope.payload)
        texts = (*custom, *custom.values(), *system)
        assert message_bytes(envelope) - len(envelope.payload) == sum(map(len, texts))
    assert total.samples_kept == kept == sum(batch.kept for batch, _ in made)
    assert total.payload_bytes == sum(len(envelope.payload) for _, envelope in made)
    assert made[-1][0].health[0].load_percent


# --- the examples --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ford() -> Catalog:
    return catalog()


OF_BYTES = re.compile(r"bytes|blocks|_mb_|lost|full")
"""figures that a header with a field more, or a zlib that packs otherwise, moves a little"""


def flat(told: object, path: str = "") -> dict[str, object]:
    """Every figure by its path."""
    if isinstance(told, dict):
        return {key: one for name in told for key, one in flat(told[name], f"{path}.{name}").items()}
    if isinstance(told, list):
        return {key: one for at, each in enumerate(told) for key, one in flat(each, f"{path}[{at}]").items()}
    return {path: told}


def nearly(told: object) -> object:
    """A number to be met within a tenth; anything else as it is."""
    return pytest.approx(told, rel=0.1, abs=0.1) if isinstance(told, int | float) else told


def words(text: str) -> list[object]:
    """What a table says, its numbers as numbers."""
    return [float(word.replace(",", "")) if re.fullmatch(r"[\d.,]*\d", word) else word for word in text.split()]


@recorded_drive
@pytest.mark.parametrize("name", NAMES)
def test_an_example_keeps_and_costs_what_it_did(name: str, ford: Catalog) -> None:
    golden = flat(json.loads(golden_path(name).read_text()))

    assert flat(figures(name, ford)) == {
        path: nearly(told) if OF_BYTES.search(path) else told for path, told in golden.items()
    }


@recorded_drive
@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_examples_shows_what_its_commands_say(name: str) -> None:
    [block] = [one for one in CONSOLE.finditer(PAGE.read_text()) if f"/{name}.json" in one["command"]]

    with a_desk():
        assert words(said_by(block["command"])) == [nearly(word) for word in words(block["said"])]


def test_each_example_is_on_the_page_with_a_small_picture() -> None:
    page = PAGE.read_text()

    assert sorted(path.stem for path in EXAMPLES.glob("*.json")) == sorted(NAMES)
    for name in NAMES:
        assert f"## {name}.json: " in page
        assert f"({name}.png)" in page
        assert (EXAMPLES / f"{name}.png").stat().st_size < 60_000
    assert LOG.name in page
