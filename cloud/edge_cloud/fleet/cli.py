"""`fleet`: many vehicles, made or of one recorded drive."""

import typer

from edge_cloud.errors import EdgeCloudError
from edge_cloud.fleet.hour_command import check, hour
from edge_cloud.fleet.simulate_command import simulate

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Many vehicles at once, to see what carries them.")
app.command()(simulate)
app.command()(hour)
app.command()(check)


@app.callback()
def fleet() -> None:
    """Many vehicles at once, to see what carries them."""


def main() -> None:
    """The command. A mistake is one sentence, and exit code 1."""
    try:
        app()
    except EdgeCloudError as error:
        typer.echo(f"fleet: {error}", err=True)
        raise SystemExit(1) from None
