"""The reference of the configuration, as Markdown: every setting and every field of the twin document.

Made from the models that judge both in the vehicle; the sentences are the docstrings of their fields.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from edge_agent import settings
from edge_agent.desk.field_texts import field_texts
from edge_agent.desk.reference_examples import BUS, SETTINGS, TWIN
from edge_agent.desk.reference_places import places_of
from edge_agent.desk.reference_words import Schema, code, takes, unit
from edge_agent.desk.twin_schema import twin_schema
from edge_agent.settings import VARIABLES, Settings
from edge_agent.twin.document import RuleSpec

GROUPS = (
    ("On disk", ("DATA_", "SPOOL_", "COMMIT_")),
    ("To the cloud", ("UPLINK", "OUTPUT", "MODEL_", "KEEP_ALIVE", "LINK_", "HUB_")),
    ("To a broker of MQTT 5: `UPLINK=mqtt`", ("MQTT_",)),
    ("In the car: the local bus", ("TAP_", "CONSENT")),
    ("Seen from outside", ("METRICS_", "RUNTIME")),
    ("Set by IoT Edge", ("IOTEDGE_",)),
    ("From a log instead of buses", ("REPLAY_",)),
)
"""headings, and what the variables below them begin with; all others stand at the front"""
FRONT = "Buses and running"

BEGIN = """\
# Configuration

Printed by `edge-agent reference`, from the models that judge the configuration in the vehicle; a test fails when this
page is another. `edge-agent check --settings --twin twin.json --dbc car.dbc` names every mistake before it reaches a
vehicle.

There are two places, and nothing is in both:

- **the environment** says what does not change while driving: [settings](#the-environment), read once at the start;
- **the twin's desired properties** say what leaves the vehicle: [the document](#the-twin-document), at any time.

What has no default must be given.

## The environment

Each is an environment variable; capitals do not matter. A mistake ends the start with one sentence a variable. IoT
Edge sets them from the deployment ([deploy.md](deploy.md)), systemd from a file
([quickstart-gateway.md](quickstart-gateway.md)).

An empty one counts as not given where none is the default: a file, a secret, a name. Anywhere else, as in `DATA_FOLDER`
or `CONSENT`, it is a mistake: a `${FOLDER}` that nobody filled in chooses no folder, and no default either.
"""
BUS_BEGIN = """\
### A bus of `BUSES`

JSON. Several buses share nothing; names of messages may repeat over them (`bus.Message.Signal`).
"""
TWIN_BEGIN = """\
## The twin document

JSON. What each kind of rule keeps, exactly and with pictures: [rules.md](rules.md); how documents are patched, judged
and reported: [twin.md](twin.md). [twin.schema.json](twin.schema.json) is the same as a JSON Schema, for an editor.
"""


def reference_text() -> str:
    """The page, as `docs/configuration.md` has it."""
    return "\n".join((BEGIN, *_environment(), BUS_BEGIN, *_bus(), TWIN_BEGIN, *_twin())).rstrip() + "\n"


def _environment() -> Iterator[str]:
    rows: dict[str, list[str]] = {FRONT: [], **{heading: [] for heading, _ in GROUPS}}
    fields = _described(Settings.model_json_schema(), "Settings")["properties"]
    for variable, key in VARIABLES.items():
        needed = Settings.model_fields[_own_name(key)].is_required()
        cells = _cells(variable, fields[key], SETTINGS.get(variable, ""), _BUSES, needed=needed)
        rows[_group(variable)].append(
            _row(cell.replace('"', "") if at in _QUOTED else cell for at, cell in enumerate(cells))
        )
    for heading, group in rows.items():
        yield "\n".join((f"### {heading}\n", *_HEAD, *group, ""))


_BUSES = {"BusSettings": "[buses](#a-bus-of-buses)"}
_QUOTED = (1, 3)
"""Cells that hold JSON's texts, which stand without quotes in an environment."""


def _own_name(key: str) -> str:
    """Of a field in Settings, which the schema calls by its variable where that is another."""
    return next(name for name, field in Settings.model_fields.items() if key in (name, field.validation_alias))


def _described(schema: Schema, model: str) -> Schema:
    """With the docstrings of the fields; models of the twin have them already."""
    texts = {name: text for owner, name, text in field_texts(settings) if owner == model}
    own = {key: _own_name(key) if model == "Settings" else key for key in schema["properties"]}
    fields = {key: {**field, "description": texts.get(own[key], "")} for key, field in schema["properties"].items()}
    return {**schema, "properties": fields}


def _group(variable: str) -> str:
    return next((heading for heading, begin in GROUPS if variable.upper().startswith(begin)), FRONT)


def _bus() -> Iterator[str]:
    yield _table(_described(Settings.model_json_schema()["$defs"]["BusSettings"], "BusSettings"), BUS, {})


def _twin() -> Iterator[str]:
    schema = twin_schema()
    places = places_of(schema)
    rules = {place.model for place in places if place.path == "rules.NAME"}
    links = {place.model: "[rule](#every-rule)" if place.model in rules else place.link for place in places}
    common = {field.alias or name for name, field in RuleSpec.model_fields.items()}
    yield _table(schema, TWIN[""], links)
    yield f"### Every rule\n\n{RuleSpec.__doc__}\n"
    yield _table(_only(schema["$defs"]["PeriodicSpec"], common), TWIN["RuleSpec"], links)
    for place in places:
        model = schema["$defs"][place.model]
        own = model["properties"].keys() - (common if place.model in rules else set())
        yield f"### {place.heading}\n\n{model['description']}\n"
        yield _table(_only(model, own), TWIN.get(place.model, {}), links)


def _only(schema: Schema, names: Collection[str]) -> Schema:
    return {**schema, "properties": {name: field for name, field in schema["properties"].items() if name in names}}


def _table(schema: Schema, examples: Mapping[str, str], links: Mapping[str, str]) -> str:
    """A row a field, and an empty line."""
    needed = schema.get("required", ())
    fields = schema["properties"].items()
    cells = (_cells(name, field, examples.get(name, ""), links, needed=name in needed) for name, field in fields)
    return "\n".join((*_HEAD, *map(_row, cells), ""))


def _cells(
    name: str, field: Schema, example: str, links: Mapping[str, str], *, needed: bool
) -> tuple[str, str, str, str, str, str]:
    told = "" if needed else _default(field)
    text = field.get("description", "")
    return (f"`{name}`", takes(field, links), unit(name), told, text, f"`{example}`" if example else "")


def _default(field: Schema) -> str:
    default = field.get("default")
    if "$ref" in field:
        return "as there"
    return "none" if default in (None, "", [], {}) else code(default)


def _row(cells: Iterable[str]) -> str:
    """One line, whatever a sentence or an example holds."""
    return f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in cells)} |"


_HEAD = ("| | takes | unit | default | what it is | example |", "|---|---|---|---|---|---|")
