import json
from pathlib import Path

import pytest

from edge_cloud.price.traffic import PROFILES, NoTraffic, of_dry_run, of_profile

REPORT = Path(__file__).parents[3] / "golden" / "dry_run" / "priorities.json"


def test_a_dry_run_gives_the_month_that_it_printed() -> None:
    report, traffic = json.loads(REPORT.read_text()), of_dry_run(REPORT)

    assert [flow.name for flow in traffic.flows] == [rule["rule"] for rule in report["rules"]]
    for flow, rule in zip(traffic.flows, report["rules"], strict=True):
        assert flow.lane == rule["lane"]
        assert flow.messages == pytest.approx(rule["messages_a_month"], rel=1e-4)
        assert flow.blocks == pytest.approx(rule["blocks_4kb_a_month"], rel=1e-4)
        assert flow.payload_bytes / 1e6 == pytest.approx(rule["payload_mb_a_month"], rel=1e-3)
    lanes = [traffic.total(lane).blocks for lane in ("hot", "warm")]
    assert sum(lanes) == pytest.approx(traffic.total().blocks)


def test_each_profile_has_both_lanes() -> None:
    for name in PROFILES:
        assert {flow.lane for flow in of_profile(name).flows} == {"warm", "hot"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no JSON"),
        ("[]", "no usable"),
        ('{"use": {"days_a_month": 30, "hours_a_day": 2}, "log": {"drive_s": 0}}', "no time long"),
        ('{"use": {"days_a_month": 30, "hours_a_day": 2}, "log": {"drive_s": 9}}', "no usable 'rules'"),
        ('{"use": {"days_a_month": 30, "hours_a_day": 2}, "log": {"drive_s": 9}, "rules": []}', "it sends nothing"),
    ],
)
def test_what_is_no_dry_run_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "report.json").write_text(text)

    with pytest.raises(NoTraffic, match=rf"report\.json: .*{sentence}"):
        of_dry_run(tmp_path / "report.json")
