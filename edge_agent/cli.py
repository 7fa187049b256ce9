"""The command line: thin, each command a few lines over what does the work."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from edge_agent import __version__
from edge_agent.crash import leaves
from edge_agent.desk.hub_commands import fault, hub, method, twin_app
from edge_agent.desk.manifest_command import manifest
from edge_agent.desk.output import echoed, until_the_reader_leaves
from edge_agent.desk.progress import frames_of, progress_bar, progress_when_slow, stderr
from edge_agent.desk.spool_commands import spool_app
from edge_agent.errors import EdgeAgentError
from edge_agent.observe import logs
from edge_agent.observe.health_probe import tell_health
from edge_agent.service import serve

app = typer.Typer(
    help="Reads a vehicle's CAN buses, keeps what its twin asks for, and delivers it through Azure IoT Edge.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
TRY, VEHICLE, HUB, DEPLOY = "Try it at a desk", "In the vehicle", "The local hub", "Before it is deployed"
"""how `--help` groups the commands"""

Dbc = Annotated[list[Path], typer.Option("--dbc", help="Database file (DBC, KCD, SYM, ARXML); may be repeated.")]
Vss = Annotated[Path | None, typer.Option(help="Mapping of the databases' signals to VSS paths, as JSON.")]


def main() -> NoReturn:
    """Run a command; a mistake is one sentence on stderr and exit 1, never a traceback."""
    try:
        app(prog_name="edge-agent")
    except* EdgeAgentError as group:
        for error in leaves(group):
            _tell(error)
    except* KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1)


def _tell(error: BaseException) -> None:
    sentence = error.sentence() if isinstance(error, EdgeAgentError) else str(error)
    stderr.print(f"[bold red]error:[/] {_escaped(sentence)}", soft_wrap=True)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Options of all commands."""


@app.command(rich_help_panel=TRY)
def demo(
    log: Annotated[
        Path | None,
        typer.Option(
            "--log", help="A recording to play instead of the simulated drive; needs --dbc, has no head unit."
        ),
    ] = None,
    dbc: Dbc = [],  # noqa: B006  typer copies it
    seconds: Annotated[float, typer.Option(min=5, max=3600, help="How long the drive takes.")] = 24,
    outage: Annotated[float, typer.Option(min=0, max=600, help="For how long the link goes away half-way, in s.")] = 4,
    folder: Annotated[Path | None, typer.Option(help="Keep everything here instead of in a temporary folder.")] = None,
    address: Annotated[str, typer.Option(help="Loopback address of the hub; its port is always 8883.")] = "127.0.0.1",
) -> None:
    """Show the whole line at work: a drive, the agent, a hub, an outage, a changed rule, and the count at the end.

    Exits with 1 if anything that the rules kept did not arrive.

    Example: `edge-agent demo`, or with a recording of yours: `edge-agent demo --log drive.log --dbc car.dbc`
    """
    from edge_agent.desk.demo import Drive, run_demo

    drive = Drive(log=log, databases=tuple(dbc), seconds=seconds, outage_s=outage)
    raise typer.Exit(run_demo(drive, folder, address))


@app.command(rich_help_panel=VEHICLE)
def run() -> None:
    """Run the module, as IoT Edge starts it: everything comes from the environment.

    **BUSES** names the buses and their databases, **DATA_FOLDER** the folder that must survive a restart.
    The hub and the module's identity come from IoT Edge's own variables, or from those `edge-agent hub` gives.

    Example: at a desk `edge-agent hub --env-file hub.env &`, and once that file is there `. ./hub.env` and
    `BUSES='[{"name": "powertrain", "channel": "can0", "dbc": ["car.dbc"]}]' DATA_FOLDER=data edge-agent run`
    """
    serve(os._exit)


@app.command(rich_help_panel=VEHICLE)
def health() -> None:
    """Ask the agent on **DATA_FOLDER** whether every stage makes progress; for a container's HEALTHCHECK.

    Exits with 1 if one stands still at its work, or nobody answers. A link that is down, silent buses and a full disk
    are no reason.

    Example: `edge-agent health`
    """
    raise typer.Exit(tell_health())


@app.command(rich_help_panel=TRY)
def replay(
    log: Annotated[Path, typer.Argument(help="candump .log, .asc, .blf, .trc, .csv, .db or .mf4; plain or .gz")],
    channel: Annotated[str, typer.Option(help="Channel of the bus.")] = "vcan0",
    interface: Annotated[str, typer.Option(help="python-can interface.")] = "socketcan",
    speed: Annotated[float, typer.Option(min=0, help="1 as recorded, N times as fast, 0 without waiting.")] = 1,
    fd: Annotated[bool, typer.Option(help="Open the bus for CAN FD.")] = False,
) -> None:
    """Play a recorded log onto a bus.

    Example: `edge-agent replay drive.log --channel vcan0`
    """
    from edge_agent.desk.replay import replay as play

    with progress_bar() as bar:
        task = bar.add_task(f"{log.name} to {channel}", total=frames_of(log))
        sent = play(
            log,
            interface=interface,
            channel=channel,
            speed=speed,
            fd=fd,
            progress=lambda done, total: bar.update(task, completed=done, total=total or bar.tasks[task].total),
        )
    stderr.print(f"{sent} frames sent")
    raise typer.Exit


@app.command(rich_help_panel=TRY)
def decode(
    log: Annotated[Path, typer.Argument(help="candump .log, .asc, .blf, .trc, .csv, .db or .mf4; plain or .gz")],
    dbc: Dbc,
    signal_patterns: Annotated[
        list[str], typer.Option("--signal", help="Name or glob of the signals wanted; may be repeated.")
    ] = ["*"],  # noqa: B006  typer copies it
    vss: Vss = None,
    channel: Annotated[
        str | None, typer.Option(help="Only frames of this channel of the log: can0, or a number in .asc and .blf.")
    ] = None,
    form: Annotated[Literal["csv", "jsonl"], typer.Option("--format", help="CSV, or JSON lines.")] = "csv",
    output: Annotated[Path | None, typer.Option(help="File to write; standard output otherwise.")] = None,
) -> None:
    """Decode a recorded log to a table of samples.

    Example: `edge-agent decode drive.log --dbc car.dbc --signal 'Motor.*' --output drive.csv`
    """
    from edge_agent.desk.decode_log import decode_log
    from edge_agent.desk.output import output as opened

    # On one terminal the bar would be drawn into the table.
    bar_fits = output is not None or not sys.stdout.isatty()
    inputs = [log, *dbc, *([vss] if vss else [])]
    with until_the_reader_leaves(), progress_bar(shown=bar_fits) as bar, opened(output, inputs) as out:
        task = bar.add_task(log.name, total=frames_of(log))
        done = asyncio.run(
            decode_log(
                log,
                dbc,
                signal_patterns,
                out=out,
                form=form,
                vss=vss,
                channel=channel,
                progress=lambda frames: bar.update(task, completed=frames),
                log=logs.configure("error", sys.stderr),
            )
        )
        bar.update(task, completed=done.counts.seen, total=done.counts.seen)
    for sentence in done.left_out:
        stderr.print(f"left out: {sentence}", highlight=False, markup=False)
    if mixture := done.mixture():
        stderr.print(f"remark: {mixture}", highlight=False, markup=False, soft_wrap=True)
    stderr.print(done.sentence())
    raise typer.Exit


@app.command(rich_help_panel=DEPLOY)
def reference() -> None:
    """Print the reference of the configuration: every setting, and every field of the twin document.

    Example: `edge-agent reference > docs/configuration.md`
    """
    from edge_agent.desk.reference import reference_text

    typer.echo(reference_text(), nl=False)
    raise typer.Exit


@app.command(rich_help_panel=DEPLOY)
def check(
    dbc: Dbc = [],  # noqa: B006  typer copies it
    twin: Annotated[Path | None, typer.Option(help="Desired properties as JSON.")] = None,
    vss: Vss = None,
    vss_catalog: Annotated[Path | None, typer.Option(help="VSS tree (JSON) whose paths a mapping may name.")] = None,
    settings: Annotated[bool, typer.Option("--settings", help="Judge this environment too.")] = False,
) -> None:
    """Judge databases, a mapping to VSS, a twin document and the settings; name every mistake with its place.

    Exits with 1 if there is one. Remarks (a signal that does not fit its message, a path that is mapped to no signal)
    cost only what they name.

    Example: `edge-agent check --dbc car.dbc --twin twin.json`
    """
    from edge_agent.desk.check import check as judge
    from edge_agent.desk.check import summary

    if not (dbc or twin or settings or vss):
        raise typer.BadParameter("nothing to check: give --dbc, --vss, --twin or --settings")
    findings = list(judge(dbc, twin, settings=settings, vss=vss, vss_catalogue=vss_catalog))
    for finding in findings:
        kind = "[bold red]mistake[/]" if finding.is_mistake else "[yellow]remark[/]"
        stderr.print(f"{kind} {_escaped(finding.place)}: {_escaped(finding.sentence)}", soft_wrap=True)
    stderr.print(summary(findings))
    raise typer.Exit(int(any(finding.is_mistake for finding in findings)))


@app.command(rich_help_panel=DEPLOY)
def dtdl(
    dbc: Dbc = [],  # noqa: B006  typer copies it
    vss: Vss = None,
    twin: Annotated[Path | None, typer.Option(help="Only the signals that these desired properties want.")] = None,
    model_id: Annotated[str, typer.Option("--id", help="Identifier of the model; **MODEL_ID** without.")] = "",
) -> None:
    """Print a DTDL v3 model of the vehicle: a Telemetry of each signal, the twin's properties, the direct methods.

    Without --dbc the buses are those of **BUSES**. With **MODEL_ID** set to its identifier, the module announces it.

    Example: `edge-agent dtdl --dbc car.dbc --id 'dtmi:com:example:vehicle;1' > vehicle.json`
    """
    from edge_agent.desk.model import model_text

    _judge_buses(dbc)
    typer.echo(model_text(dbc, vss, twin, model_id))
    raise typer.Exit


def _judge_buses(databases: list[Path]) -> None:
    """For a command that takes the buses of the settings where no database is given."""
    if not databases and "BUSES" not in os.environ:
        raise typer.BadParameter("no bus is named: give --dbc, or BUSES in the environment")


@app.command("dry-run", rich_help_panel=TRY)
def dry_run(
    log: Annotated[Path, typer.Option("--log", help="Recorded drive: .log, .asc, .blf, .trc, .csv, .db or .mf4.")],
    twin: Annotated[Path, typer.Option(help="Desired properties as JSON: the rules to try.")],
    dbc: Dbc = [],  # noqa: B006  typer copies it
    vss: Vss = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Read only so many seconds of the log.")] = None,
    hours: Annotated[float, typer.Option(min=0.01, max=24, help="Hours a day that the vehicle drives.")] = 2,
    offline_days: Annotated[float, typer.Option(min=0, max=3650, help="Days without a hub to reckon with.")] = 7,
    spool_cap_bytes: Annotated[int | None, typer.Option(help="Room for the spool; 1 GiB where nothing says.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw what was on the bus and what was kept: .png, .svg")] = None,
    signal_patterns: Annotated[
        list[str], typer.Option("--signal", help="Signal or glob to plot; may be repeated. The most reduced without.")
    ] = [],  # noqa: B006  typer copies it
) -> None:
    """Try rules on a recorded drive: what they keep, what that costs by the month, what a spool would lose offline.

    The same engine as in the vehicle, as fast as it can. Without --dbc the buses are those of **BUSES**, each read from
    the channel of the log that it names.

    Example: `edge-agent dry-run --log drive.blf --dbc car.dbc --twin twin.json`
    """
    from edge_agent.desk.dry_run import dry_run as run_dry
    from edge_agent.desk.dry_run import settings_of
    from edge_agent.desk.dry_run_plot import draw, judge_plot
    from edge_agent.desk.dry_run_table import table

    _judge_buses(dbc)
    if plot:
        judge_plot(plot)
    with progress_when_slow(log) as progress:
        report, traces = asyncio.run(
            run_dry(
                settings_of(log, dbc, vss, spool_cap_bytes),
                twin,
                hours_a_day=hours,
                offline_days=offline_days,
                seconds=seconds,
                plotted=signal_patterns if plot else None,
                progress=progress,
                log=logs.configure("error", sys.stderr),
            )
        )
    if plot:
        draw(plot, traces)
    with until_the_reader_leaves():
        typer.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False) if as_json else table(report))
    raise typer.Exit


@app.command(rich_help_panel=TRY)
def show(
    file: Annotated[Path, typer.Argument(help="The hub's arrived.jsonl, or a payload, plain or gzip.")],
    batches: Annotated[bool, typer.Option("--batches", help="One line a batch instead of one a sample.")] = False,
) -> None:
    """Turn payloads back into readable samples.

    Example: `edge-agent show edge-hub/arrived.jsonl --batches`
    """
    from edge_agent.desk.show import lines_of

    cut: list[int] = []
    with until_the_reader_leaves():
        shown = echoed(lines_of(file, batches=batches, tell_cut=cut.append))
    remarks = [f"{size} bytes at the end are no whole line: still being written, or cut off" for size in cut]
    if not shown and not cut:
        remarks = ["no sample in it" if file.stat().st_size else "nothing in it"]
    for remark in remarks:
        stderr.print(f"{_escaped(str(file))}: {remark}", soft_wrap=True)
    raise typer.Exit


app.command(rich_help_panel=HUB)(hub)
app.add_typer(twin_app, name="twin", rich_help_panel=HUB)
app.command(rich_help_panel=HUB)(method)
app.command(rich_help_panel=HUB)(fault)
app.command(rich_help_panel=DEPLOY)(manifest)
app.add_typer(spool_app, name="spool", rich_help_panel=VEHICLE)
