"""What an agent's process writes to standard output, taken apart again."""

import json
import re
from collections.abc import Iterator

_WHOLE_LINE = re.compile(
    r"^<\d> \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \+00:00 \[[A-Z]{3}\] (\{.*\})\n", re.MULTILINE | re.ASCII
)


def events_in(text: str) -> Iterator[dict[str, object]]:
    """The events; what else there is, and a line that is still being written, are passed over."""
    return (json.loads(event) for event in _WHOLE_LINE.findall(text))
