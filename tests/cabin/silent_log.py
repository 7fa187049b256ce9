"""A log that nobody reads, which remembers what it was told."""


class SilentLog:
    """`events.Log`."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, object]]] = []

    def debug(self, event: str, **fields: object) -> None:
        self.told.append((event, fields))

    info = warning = error = debug

    @property
    def names(self) -> list[str]:
        """What was told, in order."""
        return [name for name, _ in self.told]
