"""J1939: which part of a 29-bit id says what message it is. Pure.

From the highest bit: priority (3 bits), extended data page, data page, PDU format (8), PDU specific (8), source
address (8). Below PDU format 240 (PDU1) the PDU specific byte is the destination, from 240 on (PDU2) it is part of the
parameter group number (SAE J1939-21). Priority and addresses say nothing of a payload's layout.
"""

import numpy as np

from edge_agent.records import EXTENDED_ID, ID_BITS, U64

_FIRST_PDU2 = 240
_ADDRESSES_OF_PDU1 = 0xFFFF
_ADDRESSES_OF_PDU2 = 0xFF
PRIORITY = 7 << 26

_FORMAT = np.uint64(0xFF << 16)
_FIRST_PDU2_FORMAT = np.uint64(_FIRST_PDU2 << 16)
_OF_PDU1 = ~np.uint64(PRIORITY | _ADDRESSES_OF_PDU1)
_OF_PDU2 = ~np.uint64(PRIORITY | _ADDRESSES_OF_PDU2)


def group_of(can_id: int) -> int:
    """A 29-bit id (or a key that holds one in its low bits) without its priority and addresses.

    `EXTENDED_ID` stays, so an 11-bit id is no group's.
    """
    addresses = _ADDRESSES_OF_PDU1 if can_id >> 16 & 0xFF < _FIRST_PDU2 else _ADDRESSES_OF_PDU2
    return can_id & ~(PRIORITY | addresses)


def without_priority(can_id: int) -> int:
    """A 29-bit id, or a key that holds one in its low bits, at no priority."""
    return can_id & ~PRIORITY


def pgn_of(can_id: int) -> int:
    """The parameter group number of a 29-bit id."""
    return (group_of(can_id) & ID_BITS) >> 8


def id_of(pgn: int, carrier: int) -> int:
    """The id a group would have in a single frame, with the priority and addresses of the frame that carries it."""
    to_one = pgn >> 8 & 0xFF < _FIRST_PDU2
    group = (pgn & ~0xFF if to_one else pgn) << 8
    addresses = carrier & (_ADDRESSES_OF_PDU1 if to_one else _ADDRESSES_OF_PDU2)
    return EXTENDED_ID | carrier & PRIORITY | group | addresses


def groups_of(keys: U64) -> U64:
    """[n] the same of many keys."""
    groups: U64 = keys & np.where(keys & _FORMAT < _FIRST_PDU2_FORMAT, _OF_PDU1, _OF_PDU2)
    return groups
