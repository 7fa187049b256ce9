"""Every way to fail, and what follows: Transient (retry), Rejected (this one never), Fatal (leave, be restarted)."""


class BridgeError(Exception):
    """Root of all errors this package raises on purpose."""


class Transient(BridgeError):  # noqa: N818  the three names are verdicts, not error names
    """The world failed; trying again later can succeed. `after_s` is how long the other side asks to be left alone."""

    after_s = 0.0


class Rejected(BridgeError):  # noqa: N818
    """This can never be used as it is; the rest can."""


class Fatal(BridgeError):  # noqa: N818
    """The process cannot do its work; a restart or an operator must help."""


class Unreachable(Transient):
    """A service did not answer, or answered that it is out of order."""

    def __init__(self, service: str, reason: str) -> None:
        self.service, self.reason = service, reason
        super().__init__(f"{service} cannot be asked: {reason}")


class Throttled(Transient):
    """A service asks to be left alone for a while (429, 503 or 504 with Retry-After)."""

    def __init__(self, service: str, after_s: float) -> None:
        self.service, self.after_s = service, after_s
        super().__init__(f"{service} asks to be left alone for {after_s:g} s")


class TokenExpired(Transient):
    """The access token is no longer taken; a new one may be."""

    def __init__(self) -> None:
        super().__init__("the access token is no longer taken")


class DeltaLost(Transient):
    """Graph no longer knows the state token: what is in the window is to be read anew."""

    def __init__(self) -> None:
        super().__init__("the state token is no longer known")


class Absent(Rejected):
    """What was asked for is not there, or no more."""

    def __init__(self, service: str) -> None:
        self.service = service
        super().__init__(f"{service} does not have it")


class Refused(Rejected):
    """A service will not do it, however often it is asked."""

    def __init__(self, service: str, status: int, code: str) -> None:
        self.service, self.status, self.code = service, status, code
        super().__init__(f"{service} refuses: {status} {code}".rstrip())


class ConsentLost(Rejected):
    """The driver, or who administers the account, no longer allows it: it has to be linked anew."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"the calendar may no longer be read: {code}")


class EventRejected(Rejected):
    """An event of the calendar cannot be placed in time; tells nothing of its content."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"an event is not what Graph documents: {reason}")


class LinkRejected(Rejected):
    """A calendar was not linked to a vehicle; the sentence is for who tried to."""


class BadSettings(Fatal):
    """The environment is wrong."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the settings are wrong: {reason}")


class GrantUnreadable(Fatal):
    """What is kept of a grant is not one: somebody else has written there."""

    def __init__(self, grant_id: str) -> None:
        self.grant_id = grant_id
        super().__init__(f"what is kept as {grant_id} is not a grant")
