"""Who has answered what, from the records of it. Pure.

A record is never changed; the last of a profile and purpose counts. What stands before a record that cannot be read
does not count any more, for that one may have been the NO: unreadable is NOT_SET.

`version` rises with every decision, and with whatever else changes what the agent is told (another profile, private
mode): the agent takes nothing given under a version that does not rise. It rises over starts too, by `START_STEP`,
without asking the disk for each change: a record is written once a start.
"""

import json
from collections.abc import Mapping, Sequence

from cabin.checked_lines import Line, text_of, whole_of
from cabin.ports import Json
from cabin.records import Answer, Decision, Purpose

GUEST = "guest"
"""of whoever is not known: may say no, and never yes"""
START_STEP = 1_000_000


class Ledger:
    """The decisions of all profiles."""

    def __init__(self) -> None:
        self.version = 0
        self._decisions: list[Decision] = []
        self._answers: dict[tuple[str, Purpose], Answer] = {}
        self._wipes: dict[tuple[str, str], None] = {}
        self._told: tuple[object, ...] = ()

    @property
    def decisions(self) -> Sequence[Decision]:
        """All that count, in order."""
        return tuple(self._decisions)

    @property
    def wipes(self) -> Sequence[tuple[str, str]]:
        """(profile, purpose) of every wipe that has not been noted as done."""
        return tuple(self._wipes)

    def answers(self, profile: str) -> Mapping[Purpose, Answer]:
        """To every purpose."""
        return {purpose: self._answers.get((profile, purpose), Answer.NOT_SET) for purpose in Purpose}

    def read(self, lines: Sequence[Line]) -> int:
        """Take what stands in a file; how many lines were damaged."""
        damaged = 0
        for line in lines:
            try:
                self._take(line.record)
            except (TypeError, ValueError):
                damaged += 1
                self._decisions.clear()
                self._answers.clear()
        self.version += START_STEP
        return damaged

    def records(self) -> Sequence[Mapping[str, Json]]:
        """All that `read` needs to come to the same."""
        decided = [_record(decision) for decision in self._decisions]
        unfinished = [_wipe_record("wipe", profile, purpose) for profile, purpose in self._wipes]
        return [{"kind": "version", "version": self.version}, *decided, *unfinished]

    def record_of(self, decision: Decision) -> Mapping[str, Json]:
        """To be written before `take`."""
        return {**_record(decision), "version": self.version + 1, "wipe": decision.answer is not Answer.YES}

    def wiped_record(self, profile: str, purpose: str) -> Mapping[str, Json]:
        """What says that a wipe has ended."""
        return _wipe_record("wiped", profile, purpose)

    def take(self, decision: Decision) -> None:
        """It counts from now on; what is not a YES is to be wiped."""
        self.version += 1
        self._count(decision)
        if decision.answer is not Answer.YES:
            self._wipes[decision.profile, decision.purpose.value] = None

    def wiped(self, profile: str, purpose: str) -> None:
        """A wipe has ended."""
        self._wipes.pop((profile, purpose), None)

    def forget(self, profile: str) -> None:
        """Nothing of this profile was ever decided; all of it is to be wiped."""
        self.version += 1
        self._decisions = [one for one in self._decisions if one.profile != profile]
        self._answers = {key: answer for key, answer in self._answers.items() if key[0] != profile}
        self._wipes |= {(profile, purpose.value): None for purpose in Purpose}

    def body(self, profile: str, *, now_ms: int, private: bool) -> bytes:
        """The `cabin/v1/consent` of docs/cabin-api.md, for whoever drives now.

        To the agent a YES that is gone is a withdrawal, and wipes; that a guest drives is none. So for a guest, and a
        profile that has answered nothing, it is told private mode: nothing is collected and nothing is wiped, which to
        the driver is the same as NOT_SET. The answers beside it are a YES where any profile has said so.
        """
        own = self.answers(profile)
        is_asked = profile != GUEST and any(answer is not Answer.NOT_SET for answer in own.values())
        answers = own if is_asked else self._of_anybody()
        told = (private or not is_asked, tuple(answers.items()))
        if told != self._told:
            self.version += 1
            self._told = told
        purposes = {purpose.value: answer.value for purpose, answer in answers.items()}
        body = {"t": now_ms, "version": self.version, "private": told[0], "purposes": purposes}
        return json.dumps(body).encode()

    def _count(self, decision: Decision) -> None:
        self._decisions.append(decision)
        self._answers[decision.profile, decision.purpose] = decision.answer

    def _of_anybody(self) -> Mapping[Purpose, Answer]:
        yes = {purpose for (_, purpose), answer in self._answers.items() if answer is Answer.YES}
        return {purpose: Answer.YES if purpose in yes else Answer.NOT_SET for purpose in Purpose}

    def _take(self, record: Mapping[str, Json] | None) -> None:
        """One record. Raises TypeError or ValueError where it is none."""
        if record is None:
            raise TypeError("damaged")
        match record.get("kind"):
            case "version":
                self.version = max(self.version, whole_of(record, "version"))
            case "decision":
                decision = _decision(record)
                self._count(decision)
                if record.get("wipe") is True:
                    self._wipes[decision.profile, decision.purpose.value] = None
                if "version" in record:
                    self.version = max(self.version, whole_of(record, "version"))
            case "wipe":
                self._wipes[text_of(record, "profile"), text_of(record, "purpose")] = None
            case "wiped":
                self.wiped(text_of(record, "profile"), text_of(record, "purpose"))
            case kind:
                raise ValueError(f"kind: {kind!r} is not known")


def _wipe_record(kind: str, profile: str, purpose: str) -> Mapping[str, Json]:
    return {"kind": kind, "profile": profile, "purpose": purpose}


def _record(decision: Decision) -> Mapping[str, Json]:
    return {
        "kind": "decision",
        "purpose": decision.purpose.value,
        "answer": decision.answer.value,
        "t_s": decision.t_s,
        "profile": decision.profile,
        "text_id": decision.text_id,
        "text_version": decision.text_version,
    }


def _decision(record: Mapping[str, Json]) -> Decision:
    return Decision(
        purpose=Purpose(text_of(record, "purpose")),
        answer=Answer(text_of(record, "answer")),
        t_s=whole_of(record, "t_s"),
        profile=text_of(record, "profile"),
        text_id=text_of(record, "text_id"),
        text_version=whole_of(record, "text_version"),
    )
