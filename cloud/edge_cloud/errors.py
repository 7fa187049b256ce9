"""What can go wrong; each sentence names the place and says what to do."""


class EdgeCloudError(Exception):
    """Any of these: its text is one sentence for whoever reads it."""


class NotABody(EdgeCloudError):  # noqa: N818  a verdict on one item, not on the program
    """A message that is no payload of the agent: `reason` says why, in a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotAFile(EdgeCloudError):  # noqa: N818  likewise
    """A file of messages that cannot be read as what its name says."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class BadQuery(EdgeCloudError):  # noqa: N818  likewise
    """A query that an engine did not take; the engine's own first line."""


class NotALake(EdgeCloudError):  # noqa: N818  likewise
    """A folder of tables that cannot be read or written."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class OldCheckpoint(EdgeCloudError):  # noqa: N818  likewise
    """A checkpoint that says less than the tables have of its stream: somebody put it back, or emptied it."""

    def __init__(self, place: str, number: int, done: int) -> None:
        super().__init__(
            f"{place}: has micro-batch {done} of this stream, and the checkpoint begins with {number}, as if it were"
            " put back or emptied; start with a new checkpoint, which reads all again and doubles nothing"
        )
