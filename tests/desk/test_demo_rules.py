import pytest

from edge_agent.decode.catalog import Catalog
from edge_agent.decode.dbc import load_database
from edge_agent.desk.demo_rules import LOG_RULES, VEHICLE_RULES
from edge_agent.desk.vehicle import database_path
from edge_agent.twin.compilation import compile_document
from edge_agent.twin.desired import merged
from edge_agent.twin.document import judge


@pytest.mark.parametrize("rules", [VEHICLE_RULES, LOG_RULES], ids=["vehicle", "log"])
def test_the_demo_s_rules_run_before_and_after_the_change(rules: dict[str, dict[str, object]]) -> None:
    catalog = Catalog([("demo", [load_database(database_path())])])
    before = compile_document(judge(rules["start"]), catalog, version=1)
    after = compile_document(judge(merged(rules["start"], rules["change"])), catalog, version=2)

    assert len(after.rules) == len(before.rules) + 1
    assert after.plan.signals
