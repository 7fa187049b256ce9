"""`edge-agent hub`, and what is typed beside it: `fault`, `method` and `twin`; thin, as the command line is."""
# ruff: noqa: PLC0415, PLR0917  a command imports what it needs, and typer reads its parameters

import asyncio
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from edge_agent.desk.progress import stderr
from edge_agent.errors import FileRefused
from edge_agent.system_signals import stop_on_signals

twin_app = typer.Typer(
    help="Read or change a module's twin at the local hub; print the schema of its document.", no_args_is_help=True
)

HubFolder = Annotated[Path, typer.Option("--folder", help="Folder the local hub keeps everything in.")]
Device = Annotated[str, typer.Option(help="Device id at the hub.")]
Module = Annotated[str, typer.Option(help="Module id at the hub.")]
DEFAULT_HUB = Path("edge-hub")
DEVICE, MODULE = "demo-vehicle", "telematics"


def hub(
    folder: HubFolder = DEFAULT_HUB,
    address: Annotated[str, typer.Option(help="Loopback address; the port is always 8883.")] = "127.0.0.1",
    device: Device = DEVICE,
    module: Module = MODULE,
    way: Annotated[
        Literal["connection_string", "workload"], typer.Option(help="How the module is to get its credentials.")
    ] = "connection_string",
    route: Annotated[
        list[str] | None,
        typer.Option(help="A route as edgeHub has them, any number; without one all goes to the cloud."),
    ] = None,
    also: Annotated[list[str] | None, typer.Option(help="A further module of the device, any number.")] = None,
    vehicles: Annotated[
        int, typer.Option(min=0, max=100_000, help="Vehicles besides, car-000000 and on, each with the same module.")
    ] = 0,
    env_file: Annotated[
        Path | None, typer.Option(help="File for the environment, there while the hub is; standard output otherwise.")
    ] = None,
) -> None:
    """Run the local hub: a stand-in for IoT Edge's hub, for one desk.

    Gives the environment a module needs, to be exported, then goes on until Ctrl-C. What arrives is in
    FOLDER/arrived.jsonl; read it with `edge-agent show`.

    Example: `edge-agent hub --env-file hub.env &`, and once that file is there `. ./hub.env` and `edge-agent run`
    """
    from edge_agent.desk.hub_address import judge_address
    from edge_agent.desk.hub_variables import exports, judge_ids, judge_place, write_exports
    from edge_agent.localhub.hub import LocalHub, serve

    judge_ids({"--device": device, "--module": module} | {f"--also {one}": one for one in also or ()})
    if env_file:
        judge_place(env_file)
    judge_address(address)
    others = [(device, one) for one in also or ()] + [(f"car-{n:06d}", module) for n in range(vehicles)]
    local = LocalHub(folder, address=address, device=device, module=module, identities=others, routes=route or ())

    async def until_stopped() -> None:
        await serve(local, stop_on_signals(), ready)

    def ready() -> None:
        if env_file:
            write_exports(env_file, local.environment(way))
            at_the_end.callback(env_file.unlink, missing_ok=True)
        else:
            typer.echo(exports(local.environment(way)), nl=False)
        where = f"hub on {address}:8883; what arrives: {folder / 'arrived.jsonl'}; Ctrl-C ends it"
        stderr.print(where, soft_wrap=True, markup=False)

    with ExitStack() as at_the_end:
        asyncio.run(until_stopped())
    raise typer.Exit


def fault(
    faults: Annotated[str, typer.Argument(help="JSON object: faults by name, null to end one. {} shows all.")] = "{}",
    folder: HubFolder = DEFAULT_HUB,
    *,
    drop: Annotated[bool, typer.Option("--drop", help="Besides, drop every connection once.")] = False,
) -> None:
    """Make the running local hub fail on purpose, to see what an agent does about it; prints all faults.

    Example: `edge-agent fault '{"never_ack": true}' --folder edge-hub`, and `edge-agent fault '{"never_ack": null}'`
    """
    from edge_agent.localhub.admin_client import AdminClient

    _print_json(AdminClient(folder).turn(faults))
    if drop:
        AdminClient(folder).drop()
    raise typer.Exit


def method(
    name: Annotated[str, typer.Argument(help="Direct method: flush, latest, rules.test, snapshot or status.")],
    payload: Annotated[str, typer.Argument(help="JSON payload.")] = "null",
    folder: HubFolder = DEFAULT_HUB,
    device: Device = DEVICE,
    module: Module = MODULE,
) -> None:
    """Call a direct method of a module that is connected to the local hub.

    Example: `edge-agent method status --folder edge-hub`
    """
    from edge_agent.localhub.admin_client import AdminClient

    answer = AdminClient(folder).invoke(device, module, name, payload)
    _print_json(answer.payload)
    raise typer.Exit(0 if answer.status < 300 else 1)  # noqa: PLR2004  HTTP's success


@twin_app.command("get")
def twin_get(folder: HubFolder = DEFAULT_HUB, device: Device = DEVICE, module: Module = MODULE) -> None:
    """Print a module's twin: desired and reported.

    Example: `edge-agent twin get --folder edge-hub`
    """
    from edge_agent.localhub.admin_client import AdminClient

    _print_json(AdminClient(folder).twin(device, module))
    raise typer.Exit


@twin_app.command("set")
def twin_set(
    patch: Annotated[Path, typer.Argument(help="JSON patch of the desired properties; - for standard input.")],
    folder: HubFolder = DEFAULT_HUB,
    device: Device = DEVICE,
    module: Module = MODULE,
) -> None:
    """Patch a module's desired properties; null removes a key.

    Exits with 1 where the module is connected and refuses them: the twin has them all the same, what ran goes on.

    Example: `echo '{"rules": {"idle": null}}' | edge-agent twin set - --folder edge-hub`
    """
    from edge_agent.desk.twin_answer import judged_by_module
    from edge_agent.localhub.admin_client import AdminClient
    from edge_agent.localhub.identities import ModuleId

    admin = AdminClient(folder)
    _print_json(judged_by_module(admin, ModuleId(device, module), admin.patch_desired(device, module, _text(patch))))
    raise typer.Exit


@twin_app.command("schema")
def print_twin_schema() -> None:
    """Print the JSON Schema of the desired properties, for an editor that completes and checks them.

    Example: `edge-agent twin schema > twin.schema.json`
    """
    from edge_agent.desk.twin_schema import twin_schema_text

    typer.echo(twin_schema_text(), nl=False)
    raise typer.Exit


def _print_json(text: str) -> None:
    """Indented; all escaped where standard output cannot hold a character of it."""
    console = Console()
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode(console.encoding)
    except UnicodeEncodeError:  # LANG=C, or half a surrogate pair
        console.print_json(text, ensure_ascii=True)
    else:
        console.print_json(text)


def _text(path: Path) -> str:
    """What a file holds, or standard input for `-`."""
    name = "standard input" if str(path) == "-" else str(path)
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return data.decode()
    except OSError as error:
        raise FileRefused(name, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FileRefused(name, f"is not UTF-8 at byte {error.start}") from error
