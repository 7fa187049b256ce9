"""`edge-cloud price`: a fleet's month before it is rolled out."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from edge_cloud.price.bill import Bill, bill, share
from edge_cloud.price.tariff import Tariff, load_tariff
from edge_cloud.price.traffic import PEAK_SHARE, PROFILES, Traffic, of_dry_run, of_profile

_PROFILE: Final = "lean"


def price(  # noqa: PLR0917  typer reads a command's parameters; nobody passes them by position
    dry_run: Annotated[
        Path | None, typer.Option(help="What edge-agent dry-run --json printed of your twin and a drive.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help=f"Where there is no dry run: {', '.join(PROFILES)}.", metavar="NAME")
    ] = _PROFILE,
    vehicles: Annotated[int, typer.Option(min=1, max=50_000_000, help="How many the fleet has.")] = 100_000,
    hours: Annotated[float, typer.Option(min=0.01, max=24, help="Hours a day that one drives, of a profile.")] = 1.2,
    peak: Annotated[
        float, typer.Option(min=0.001, max=1, help="Share of the fleet that drives in the busiest hour.")
    ] = PEAK_SHARE,
    tariff: Annotated[Path | None, typer.Option(help="Your own prices and limits, as TOML.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Tell what a fleet's messages cost a month, both lanes, before it is rolled out.

    Without --dry-run one of a few profiles is taken: lean is 100 samples a second in batches of a minute and six hot
    messages an hour; lean-live adds the state each 10 s; rich is 900 samples a second in batches of 10 s; rows
    is lean as another agent's rows. The tariff says of when it is, and where its figures are from: look yours up.

    Example: `edge-agent dry-run --log drive.blf --dbc car.dbc --twin twin.json --json > mine.json` and
    `edge-cloud price --dry-run mine.json --vehicles 100000`
    """
    if dry_run is None and profile not in PROFILES:
        raise typer.BadParameter(f"{profile} is none of {', '.join(PROFILES)}", param_hint="--profile")
    traffic = of_dry_run(dry_run) if dry_run else of_profile(profile, hours)
    prices = load_tariff(tariff)
    fleet = bill(traffic, vehicles, prices, peak)
    if as_json:
        typer.echo(json.dumps(_told(traffic, fleet, prices), indent=1))
        return
    console = Console()
    console.print(_table(traffic, fleet, prices))
    console.print(_sentence(fleet, prices), highlight=False)


def _told(traffic: Traffic, fleet: Bill, tariff: Tariff) -> dict[str, object]:
    flows = [asdict(flow) | {"price": share(flow, traffic, fleet)} for flow in traffic.flows]
    fields = asdict(fleet) | {"unit": fleet.unit.name, "price": fleet.price, "price_a_vehicle": fleet.price_a_vehicle}
    named = {"date": str(tariff.date), "currency": tariff.currency, "source": tariff.source}
    return {"tariff": named, "fleet": fields, "flows_of_a_vehicle": flows}


def _table(traffic: Traffic, fleet: Bill, tariff: Tariff) -> Table:
    table = Table(title=f"One of {fleet.vehicles:,} vehicles, a month of 30 days")
    for name in ("rule", "lane"):
        table.add_column(name)
    for name in ("messages", "blocks", "MB", "samples", tariff.currency):
        table.add_column(name, justify="right")
    lanes = [traffic.total(lane) for lane in ("hot", "warm")]
    for n, flow in enumerate((*traffic.flows, *lanes, traffic.total())):
        cells = flow.messages, flow.blocks, flow.payload_bytes / 1e6, flow.samples
        money = f"{share(flow, traffic, fleet):.4f}"
        told = [flow.name, flow.lane, *(f"{cell:,.0f}" for cell in cells), money]
        table.add_row(*told, end_section=n == len(traffic.flows) - 1)
    return table


def _sentence(fleet: Bill, tariff: Tariff) -> str:
    lines = "; ".join(f"{line.name}: {line.price:,.2f}" for line in fleet.lines)
    return (
        f"The fleet: {fleet.blocks_a_day / 1e6:,.1f} M blocks and {fleet.payload_bytes_a_day / 1e9:,.1f} GB a day,"
        f" {fleet.messages_a_second:,.0f} messages a second in the busiest hour,"
        f" {fleet.rows_a_day / 1e9:,.2f} G samples a day.\n{lines} {tariff.currency} a month.\n"
        f"Tariff of {tariff.date} ({tariff.source})."
    )
