"""What to dial for a meeting: its structured number and conference id, never a number found in a text. Pure.

A number from a text leads into the bridge's prompt without its id, or dials a meeting's id as if it were a phone (a
plain invitation of Teams has both); digits are then to be typed while driving.
"""

import re
from dataclasses import dataclass

from cabin.records import Meeting

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""ITU-T E.164: at most 15 digits; 7 is the shortest number of any country with its code."""
_ID = re.compile(r"[0-9]{4,15}")
PAUSES = ",,"
"""2 s each, for the bridge's welcome"""


@dataclass(frozen=True, slots=True)
class DialString:
    """A number to call, and tones to send once the call is active; none where there is no id."""

    number: str
    tones: str

    @property
    def uri(self) -> str:
        """For a platform that dials `tel:` addresses: number, pauses (which phones know, RFC 3966 not), id and `#`."""
        return f"tel:{self.number}{PAUSES}{self.tones}".replace("#", "%23") if self.tones else f"tel:{self.number}"


def dial_string(meeting: Meeting) -> DialString | None:
    """None where the meeting was cancelled or has no number that can be called."""
    number = re.sub(r"[\s().\-/\u00a0]", "", meeting.tel)
    if meeting.cancelled or not _E164.fullmatch(number):
        return None
    identifier = re.sub(r"[\s\-\u00a0]", "", meeting.conference_id).removesuffix("#")
    if meeting.conference_id and not _ID.fullmatch(identifier):
        return None  # to call without it would end in the bridge's prompt
    return DialString(number, f"{identifier}#" if identifier else "")
