"""From files to a vehicle's DTDL model."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_agent.desk.dry_run import BUS, catalog_of, config_of
from edge_agent.desk.dtdl import columns_of, interfaces
from edge_agent.errors import BadSettings, Fault
from edge_agent.policy.rules import Aggregate, Periodic
from edge_agent.settings import BusSettings, judged_model_id, load_settings
from edge_agent.twin.compilation import Config


def model_text(databases: Sequence[Path], vss: Path | None, twin: Path | None, model_id: str) -> str:
    """The model of a vehicle whose one bus has these databases; without any, of the one that the environment describes.

    An Interface as JSON, or a list of them where one would be too large. Raises BadSettings, DatabaseRefused,
    MappingRefused, FileRefused, DocumentRefused.
    """
    given = {"buses": (BusSettings(name=BUS, channel=BUS, dbc=tuple(databases), vss=vss),)} if databases else {}
    settings = load_settings(**given)
    identifier = _judged(model_id or settings.model_id)
    catalog = catalog_of(settings)
    if twin is None:
        columns = columns_of(catalog, catalog)
    else:
        config = config_of(twin, catalog)
        columns = columns_of(catalog, _wanted(config), set(_averaged(config)))
    made = interfaces(columns, identifier)
    return json.dumps(made[0] if len(made) == 1 else made, indent=1)


def _judged(model_id: str) -> str:
    try:
        return judged_model_id(model_id)
    except ValueError as error:
        raise BadSettings([Fault("--id", str(error))]) from error


def _wanted(config: Config) -> Iterator[str]:
    """Names of the signals that some rule keeps, each once."""
    yield from dict.fromkeys(config.plan.signals[i].name for rule in config.rules for i in rule.signals.tolist())


def _averaged(config: Config) -> Iterator[str]:
    for rule in config.rules:
        if isinstance(rule, Periodic) and Aggregate.MEAN in rule.keep:
            yield from (config.plan.signals[i].name for i in rule.signals.tolist())
