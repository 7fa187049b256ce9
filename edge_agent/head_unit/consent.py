"""What the driver decided, which rules may run by it, and what is to be wiped. Pure.

The cabin asks for four purposes, each for itself, and says on the vehicle's broker what was answered (docs/consent.md).
Only YES is a yes: NO, NOT_SET, and what nobody ever heard of are not.

A rule's `purpose` is words, with spaces or commas between them. Those that name one of the four need its consent, all
of them; any other word (`safety`, `law`, `maintenance`) needs none, for it rests on other grounds, which the operator
has to have. A rule without any word counts as `cloud_telemetry`: who forgot to say what data are for has not got leave.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from edge_agent.errors import ConsentRefused
from edge_agent.policy.rules import Rule
from edge_agent.records import Purpose
from edge_agent.twin.fitting import JsonObject

NOTHING = Purpose(0)
ANSWERS = ("YES", "NO", "NOT_SET")
LARGEST = 2**53 - 1
"""of a message's whole numbers: the greatest that every reader of JSON holds exactly (RFC 8259, section 6)"""
PLACES = ("currentlocation", "latitude", "longitude")
"""In the name of a signal that says where the vehicle is: the branch of VSS, and what databases without VSS names say.
The cabin goes by the same words."""


@dataclass(frozen=True, slots=True)
class Consent:
    """The answers as of one decision; a purpose that is in neither set is NOT_SET."""

    version: int = 0
    """rises with each decision; 0 before any was heard"""
    private: bool = False
    """collect as if every answer were NO, and leave what was collected"""
    yes: Purpose = NOTHING
    no: Purpose = NOTHING
    t_ms: int = 0
    """when it was decided, milliseconds since the Unix epoch"""

    @property
    def allowed(self) -> Purpose:
        """For what may be collected now."""
        return NOTHING if self.private else self.yes

    def body(self) -> JsonObject:
        """As `consent_in` takes it."""
        answers = {
            words(one)[0]: "YES" if one in self.yes else "NO" if one in self.no else "NOT_SET" for one in Purpose
        }
        return {"t": self.t_ms, "version": self.version, "private": self.private, "purposes": answers}


def words(purposes: Purpose) -> tuple[str, ...]:
    """Each as the twin and the cabin name it."""
    return tuple(one.name.lower() for one in purposes if one.name)


def consent_in(payload: bytes) -> Consent:
    """A `cabin/v1/consent`. What else stands in it is passed over. Raises ConsentRefused."""
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ConsentRefused("", f"not JSON: {error}") from error
    return judged(body)


def judged(body: object) -> Consent:
    """A parsed one. Raises ConsentRefused."""
    if not isinstance(body, dict):
        raise ConsentRefused("", "must be an object")
    version, private, answers, t_ms = (body.get(name) for name in ("version", "private", "purposes", "t"))
    if type(version) is not int or not 1 <= version <= LARGEST:
        raise ConsentRefused("version", f"must be a whole number from 1 to {LARGEST}")
    if type(t_ms) is not int or abs(t_ms) > LARGEST:
        raise ConsentRefused("t", "must be whole milliseconds")
    if not isinstance(private, bool):
        raise ConsentRefused("private", "must be true or false")
    if not isinstance(answers, dict):
        raise ConsentRefused("purposes", "must be an object")
    given = {one: answers.get(word, "NOT_SET") for one in Purpose for word in words(one)}
    for one, answer in given.items():
        if answer not in ANSWERS:
            raise ConsentRefused(f"purposes.{words(one)[0]}", f"must be one of {', '.join(ANSWERS)}")
    yes, no = (_union(one for one, answer in given.items() if answer == word) for word in ANSWERS[:2])
    return Consent(version, private, yes, no, t_ms)


def followed(before: Consent, heard: Consent) -> Consent:
    """What counts once a decision was heard.

    One whose version does not rise is from before, or from a cabin that lost its memory and began to count anew: what
    it takes away is taken away, what it gives is not given, and the next one counts from it.
    """
    if heard.version > before.version or heard == before:
        return heard
    no = before.no | heard.no
    return replace(heard, private=before.private or heard.private, yes=before.yes & heard.yes & ~no, no=no)


def withdrawn(before: Consent, now: Consent) -> Purpose:
    """What is to be wiped when one follows the other: every NO that is news, and every YES that no longer stands."""
    return (now.no & ~before.no) | (before.yes & ~now.yes)


def needed(purpose: str) -> Purpose:
    """To what a rule with this `purpose` needs consent, maybe nothing."""
    said = [word for word in re.split(r"[\s,]+", purpose.casefold()) if word]
    return _union(one for one in Purpose if words(one)[0] in said) if said else Purpose.CLOUD_TELEMETRY


def locates(text: str) -> bool:
    """Whether a signal of this name says where the vehicle is, or a text names one that does."""
    return any(word in text.casefold() for word in PLACES)


@dataclass(frozen=True, slots=True)
class Permits:
    """The rules of a configuration, parted."""

    running: tuple[Rule, ...]
    """with the purposes noted, so that what they keep can be found again"""
    waiting: Mapping[str, tuple[str, ...]]
    """names of the others, and the purposes of which each lacks consent"""


def parted(rules: Sequence[Rule], allowed: Purpose) -> Permits:
    """Those that may run while so much is allowed, and the others."""
    lacks = {rule.info.name: needed(rule.info.purpose) & ~allowed for rule in rules}
    return Permits(
        tuple(_noted(rule) for rule in rules if not lacks[rule.info.name]),
        {name: words(purposes) for name, purposes in lacks.items() if purposes},
    )


def _noted(rule: Rule) -> Rule:
    return replace(rule, info=replace(rule.info, purposes=needed(rule.info.purpose)))


def _union(purposes: Iterable[Purpose]) -> Purpose:
    found = NOTHING
    for one in purposes:
        found |= one
    return found
