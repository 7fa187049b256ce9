"""`edge-agent manifest`: thin, as the command line is."""
# ruff: noqa: PLC0415, PLR0917  a command imports what it needs, and typer reads its parameters

import os
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.desk.output import output, until_the_reader_leaves
from edge_agent.desk.progress import stderr
from edge_agent.errors import DocumentRefused


def manifest(
    file: Annotated[Path, typer.Argument(help="deployment.template.json, or a manifest.")],
    variables: Annotated[
        list[str], typer.Option("--var", help="NAME=value of a variable; goes before the environment and .env.")
    ] = [],  # noqa: B006  typer copies it
    platform: Annotated[str, typer.Option(help="Platform of the images, as module.json names it.")] = "arm64v8",
    out: Annotated[Path | None, typer.Option(help="File to write; standard output otherwise.")] = None,
    module: Annotated[str, typer.Option(help="Which of the modules is Edge Agent.")] = "telematics",
    databases: Annotated[
        list[Path], typer.Option("--dbc", help="Database file, to judge the names of signals by; may be repeated.")
    ] = [],  # noqa: B006  typer copies it
    vss: Annotated[Path | None, typer.Option(help="Mapping of those databases' signals to VSS names.")] = None,
    environment: Annotated[
        str | None, typer.Option(help="Write the environment of this module instead, for a shell.")
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="With --environment, without a container: mounted folders are below this one.")
    ] = None,
    *,
    judge_only: Annotated[bool, typer.Option("--check", help="Judge it, and write nothing.")] = False,
) -> None:
    """Make a deployment of a template, and name by its path everything that is wrong with it; nothing is fetched.

    The result is what `az iot edge set-modules --content` takes. Exits with 1, and writes nothing, where there is a
    mistake. The environment is as IoT Edge sets it, **IOTEDGE_...** as they are here.

    Example: `edge-agent manifest deployment.template.json --var CONTAINER_REGISTRY=example.azurecr.io --out car.json`
    """
    from edge_agent.desk.hub_variables import exports
    from edge_agent.desk.manifest import deployment_mistakes, read_deployment, variables_of

    if vss and not databases:
        raise typer.BadParameter("--vss names the signals of databases: give --dbc too")
    try:
        deployment = read_deployment(file, variables_of(variables, os.environ, file.parent), platform)
        faults = deployment_mistakes(deployment, module, databases, vss)
    except DocumentRefused as refusal:
        faults = refusal.faults
    for fault in faults:
        _say(f"mistake {fault}")
    if faults:
        raise typer.Exit(1)
    if judge_only:
        _say(f"{file}: no mistake")
        raise typer.Exit
    text = deployment.text()
    if environment is not None:
        text = exports(deployment.environment(environment, os.environ, str(root.absolute()) if root else None))
    inputs = [file, file.parent / ".env", *databases, *([vss] if vss else [])]
    with until_the_reader_leaves(), output(out, inputs) as stream:
        stream.write(text)
    raise typer.Exit


def _say(sentence: str) -> None:
    stderr.print(sentence, soft_wrap=True, markup=False, highlight=False)
