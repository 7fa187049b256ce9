"""Which topics the agent uses at an MQTT broker that is no IoT hub. Pure.

    {control}/desired            to the agent: the whole desired properties, retained, with their `$version`
    {control}/desired/patch      to the agent: a patch of them, with the version it makes
    {control}/reported           from the agent: a patch of the reported properties
    {control}/methods/{name}     to the agent: a direct method; the answer goes to the request's response topic, its
                                 status in the user property `status`

Telemetry goes where a template says, such as `vehicles/{device}/{lane}/{rule}`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import Formatter

from edge_agent.records import Envelope

OF_THE_AGENT = ("device", "module")
FIELDS = (*OF_THE_AGENT, "lane", "rule", "schema", "priority")
_NOT_IN_A_LEVEL = re.compile(r"[+#/\x00]")
"""What one level of a topic cannot hold (OASIS MQTT 5.0, section 4.7)."""


def judged_control(text: str) -> str:
    """The text, if it is a template of the topics that are no batch's. Raises ValueError."""
    return judged_template(text, OF_THE_AGENT)


def judged_template(text: str, fields: Sequence[str] = FIELDS) -> str:
    """The text, if it is a template of topics. Raises ValueError."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"not a template: {error}") from error
    if strange := sorted(name for _, name, _, _ in parts if name is not None and name not in fields):
        raise ValueError(f"{{{strange[0]}}} is none of {', '.join(fields)}")
    if any(form or conversion for _, _, form, conversion in parts):
        raise ValueError("a name in braces must stand alone, without : and !")
    if not text or re.search(r"[+#\x00]", text) or text.startswith("$"):
        raise ValueError("must be a topic: not empty, without + and #, and not beginning with $")
    return text


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics of one agent. `template` is as `judged_template` takes it, `control` as `judged_control` does."""

    device: str
    module: str
    template: str
    control: str

    def telemetry(self, envelope: Envelope) -> str:
        """Where a batch goes."""
        return self._filled(
            self.template,
            lane=envelope.lane.value,
            rule=envelope.rule,
            schema=envelope.schema,
            priority=str(envelope.priority),
        )

    def of_control(self, *levels: str) -> str:
        """A topic under `control`."""
        return "/".join((self._filled(self.control), *levels))

    def method(self, topic: str) -> str | None:
        """The method that a topic calls."""
        before = self.of_control("methods", "")
        name = topic.removeprefix(before)
        return name if topic.startswith(before) and name and "/" not in name else None

    def _filled(self, template: str, **fields: str) -> str:
        values = {"device": self.device, "module": self.module, **fields}
        return template.format_map({name: _NOT_IN_A_LEVEL.sub("_", value) for name, value in values.items()})
