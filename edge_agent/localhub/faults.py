"""What can be made to go wrong on purpose; each knob may be turned while the hub runs."""

from enum import Enum


class DropHow(Enum):
    """At which moment of a telemetry message a connection is dropped."""

    ABORT = "abort"
    """before the hub takes the message"""
    BEFORE_ACK = "before_ack"
    """the hub has the message, the client gets no acknowledgement"""
    HALF_ACK = "half_ack"
    """the hub has the message, the client gets the first two of the acknowledgement's four bytes"""
    AFTER_ACK = "after_ack"
    """the hub has the message, the client its acknowledgement"""


class Faults:
    """The knobs; as made, nothing goes wrong. They are read at the moment they matter."""

    refuse_code: int | None = None
    """answer every CONNECT with this code, and close"""
    no_connack: bool = False
    """never answer a CONNECT"""
    forget_sessions: bool = False
    """a connecting client finds its subscriptions gone"""
    no_suback: bool = False
    """never answer a SUBSCRIBE (it takes effect all the same)"""
    no_twin_reply: bool = False
    """neither answer a twin GET nor a reported PATCH (which takes effect all the same)"""
    never_ack: bool = False
    """take telemetry but never acknowledge it"""
    ack_delay_s: float = 0.0
    """acknowledge telemetry only after this time"""
    drop_after: int | None = None
    """drop every connection at its telemetry message of this number, counted from 1"""
    drop_how: DropHow = DropHow.ABORT
