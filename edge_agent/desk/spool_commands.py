"""`edge-agent spool`: thin, as the command line is."""
# ruff: noqa: PLC0415, B006  a command imports what it needs, so --help need not wait; typer copies a default's list

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from edge_agent.desk.output import echoed, until_the_reader_leaves

spool_app = typer.Typer(
    help="Look into a spool, in use or not: what waits, since when, and what is wrong with it. Only drop changes it.",
    no_args_is_help=True,
)

Folder = Annotated[Path, typer.Argument(help="The spool's folder, or the agent's **DATA_FOLDER**.")]
Rules = Annotated[list[str], typer.Option("--rule", help="Only batches of this rule; may be repeated.")]
Priorities = Annotated[
    list[int], typer.Option("--priority", min=0, max=9, help="Only batches of this priority; may be repeated.")
]
Boots = Annotated[list[int], typer.Option("--boot", min=1, help="Only batches of this start; may be repeated.")]


@spool_app.command("stat")
def stat(
    folder: Folder, *, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False
) -> None:
    """Sum up a spool: what waits by rule and priority, the oldest and the newest, losses, damage, files.

    Reads only, also while an agent uses the folder.

    Example: `edge-agent spool stat /var/lib/edge-agent`
    """
    from edge_agent.desk.spool_folder import SpoolFolder
    from edge_agent.desk.spool_stat import spool_report

    report = spool_report(SpoolFolder(folder))
    with until_the_reader_leaves():
        echoed([json.dumps(report.as_json(), indent=2, ensure_ascii=False)] if as_json else report.lines())
    raise typer.Exit


@spool_app.command("ls")
def ls(
    folder: Folder,
    rule: Rules = [],
    priority: Priorities = [],
    boot: Boots = [],
    limit: Annotated[int | None, typer.Option(min=1, help="No more than so many.")] = None,
    *,
    settled: Annotated[bool, typer.Option("--all", help="Those too that wait no more and are still on disk.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a batch.")] = False,
) -> None:
    """List the batches that wait, most important first, one row each.

    Reads only, also while an agent uses the folder. Times are powered-on time, of all starts together.

    Example: `edge-agent spool ls /var/lib/edge-agent --rule trip --limit 20`
    """
    from edge_agent.desk.spool_entries import Selection
    from edge_agent.desk.spool_folder import SpoolFolder
    from edge_agent.desk.spool_list import lines

    selection = Selection(frozenset(rule), frozenset(priority), frozenset(boot))
    with until_the_reader_leaves():
        echoed(lines(SpoolFolder(folder), selection, settled=settled, limit=limit, as_json=as_json))
    raise typer.Exit


@spool_app.command("export")
def export(
    folder: Folder,
    *,
    to: Annotated[Path, typer.Option(help="Folder to write; it must not be there yet, or be empty.")],
    form: Annotated[
        Literal["jsonl", "csv"], typer.Option("--format", help="Payloads as JSON lines, or a CSV file a signal.")
    ] = "jsonl",
    rule: Rules = [],
    priority: Priorities = [],
    boot: Boots = [],
    key_file: Annotated[Path | None, typer.Option(help="The key of encrypted batches, **SPOOL_KEY_FILE**.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files of the same names.")] = False,
) -> None:
    """Copy the batches that wait to files: TO/payloads.jsonl or TO/SIGNAL.csv, and frames as TO/captures/*.log.

    Reads only, also while an agent uses the folder; what is exported is delivered all the same. What is damaged or
    encrypted is counted and left out.

    Example: `edge-agent spool export /var/lib/edge-agent --to rescued --format csv --rule trip`
    """
    from edge_agent.desk.progress import progress_in_bytes, stderr
    from edge_agent.desk.spool_entries import Selection
    from edge_agent.desk.spool_export import export as write_out
    from edge_agent.desk.spool_folder import SpoolFolder
    from edge_agent.spool.key_sources import KeyFile

    spool = SpoolFolder(folder)
    decrypt = KeyFile(key_file).key().decrypted if key_file else lambda _: None
    with progress_in_bytes() as bar:
        task = bar.add_task(spool.path.resolve().name, total=spool.total_bytes)
        exported = write_out(
            spool,
            Selection(frozenset(rule), frozenset(priority), frozenset(boot)),
            to,
            form,
            force=force,
            decrypt=decrypt,
            progress=lambda done: bar.update(task, completed=done),
        )
        bar.update(task, completed=bar.tasks[task].total)
    for sentence in exported.warnings:
        stderr.print(f"warning: {sentence}", highlight=False, markup=False, soft_wrap=True)
    stderr.print(exported.sentence(), markup=False, soft_wrap=True)
    raise typer.Exit


@spool_app.command("drop")
def drop(
    folder: Folder,
    *,
    rule: Rules = [],
    priority: Priorities = [],
    boot: Boots = [],
    everything: Annotated[bool, typer.Option("--all", help="Every batch that waits.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Give up batches that wait: they will never be sent, and the cloud is told so. The agent must be stopped.

    Example: `edge-agent spool drop /var/lib/edge-agent --rule trip`
    """
    from edge_agent.desk.spool_drop import drop as give_up
    from edge_agent.desk.spool_entries import Selection
    from edge_agent.desk.spool_folder import SpoolFolder
    from edge_agent.desk.spool_list import entries

    if everything == bool(rule or priority or boot):
        raise typer.BadParameter("say what is to go: --rule, --priority, --boot, or --all alone")
    spool = SpoolFolder(folder)
    selection = Selection(frozenset(rule), frozenset(priority), frozenset(boot))
    sizes = [len(entry.envelope.payload) for entry in entries(spool, selection)]
    if not yes:
        typer.confirm(f"{spool.path}: drop {len(sizes)} batches, {sum(sizes)} bytes, for good?", abort=True, err=True)
    typer.echo(give_up(spool, selection).sentence())
    raise typer.Exit
