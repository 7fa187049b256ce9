import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from edge_cloud.price.command import price

REPORT = Path(__file__).parents[3] / "golden" / "dry_run" / "priorities.json"
APP = typer.Typer()
APP.command()(price)


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(APP, [str(word) for word in words], env={"COLUMNS": "140"})
    assert result.exit_code == code, result.output
    return result.output


def test_a_dry_run_is_priced_rule_by_rule_and_lane_by_lane() -> None:
    told = json.loads(said("--dry-run", str(REPORT), "--vehicles", "1000", "--json"))

    names = [flow["name"] for flow in told["flows_of_a_vehicle"]]
    assert names == [rule["rule"] for rule in json.loads(REPORT.read_text())["rules"]]
    assert told["fleet"]["vehicles"] == 1000
    shares = sum(flow["price"] for flow in told["flows_of_a_vehicle"])
    assert abs(shares - told["fleet"]["price_a_vehicle"]) < 1e-9
    for name in names:
        assert name in said("--dry-run", str(REPORT))


def test_the_table_says_of_when_its_prices_are_and_that_nobody_checked_them() -> None:
    text = said("--profile", "lean-live", "--vehicles", "1000000")

    assert "0.0075" in text
    assert "2026-11-01" in text
    assert "not verified" in text


def test_a_profile_that_is_none_is_named_with_those_there_are() -> None:
    assert "lean, lean-live, rich, rows" in said("--profile", "fat", code=2)
