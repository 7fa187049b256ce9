"""`edge-agent spool drop`: batches that nobody wants any more, given up and owed to the cloud as such.

What goes is decided by the spool's own ledger, and in its order: the state that tells the loss is durable before a
file is removed. No boot is begun, so that what a boot tells of the one before stays as it was.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, replace

from edge_agent.desk.spool_entries import SegmentFound, Selection, Standing, StreamEnd
from edge_agent.desk.spool_folder import STATE, SpoolFolder
from edge_agent.errors import FileRefused, SpoolUnusable
from edge_agent.records import EnvelopeKey
from edge_agent.spool.files import SpoolFiles, unusable
from edge_agent.spool.ledger import Ledger
from edge_agent.spool.state import SpoolState

WHY = "dropped"


@dataclass(frozen=True, slots=True)
class Dropped:
    """What is not to be sent any more."""

    batches: int
    payload_bytes: int
    files: int
    """removed; a batch in a file with others that wait lies there until those are delivered"""

    def sentence(self) -> str:
        """In one line."""
        return (
            f"{self.batches} batches dropped, {self.payload_bytes} bytes, {self.files} files removed; "
            "the cloud will be told"
        )


def drop(folder: SpoolFolder, selection: Selection) -> Dropped:
    """Give up the batches that wait and are meant.

    Raises SpoolUnusable while an agent holds the folder, or where the disk fails; FileRefused where the folder is
    another user's, or damaged: the next start of the agent is to tell of the damage before anything is taken away.
    """
    user = folder.path.stat().st_uid
    if user != os.geteuid():
        raise FileRefused(str(folder.path), f"is of user {user}, who could not read what is changed here: drop as them")
    files = _locked(folder)
    try:
        return _drop(SpoolFolder(folder.path), files, selection)
    except OSError as error:
        raise unusable(folder.path, error) from error
    finally:
        files.release()


def _locked(folder: SpoolFolder) -> SpoolFiles:
    try:
        return SpoolFiles(folder.path)
    except SpoolUnusable as error:
        if isinstance(error.__cause__, BlockingIOError):
            hint = "Stop the agent, drop, and start it again"
            raise SpoolUnusable(error.path, "an agent uses it", hint) from error
        raise


def _drop(folder: SpoolFolder, files: SpoolFiles, selection: Selection) -> Dropped:
    """Behind the lock, with nobody else in the folder."""
    if folder.state_file != STATE:
        raise _not_sound(folder, f"{STATE} cannot be read")
    ledger = Ledger(budget_bytes=0, segment_bytes=0)  # nothing is appended
    ledger.resume(folder.state, folder.last_numbers)
    meant: dict[EnvelopeKey, int] = {}
    newest = folder.state
    for found in folder.found():
        if not isinstance(found, SegmentFound):
            _judge_sound(folder, found)
            continue
        if not found.is_known:
            raise _not_sound(folder, f"{found.name} is of a later release's format")
        newest = _seen(newest, found)
        ledger.adopt(found.name, found.records[0].key.boot if found.records else 0, found.size, found.records)
        waiting = (one.envelope for one in found.entries if one.standing is Standing.WAITING)
        meant |= {envelope.key: len(envelope.payload) for envelope in waiting if selection.takes(envelope)}
    _give_up(ledger, meant)
    doomed = ledger.sweep()
    state = replace(newest, owed=ledger.owed.to_tell(), told=ledger.owed.told, streams=ledger.marks())
    files.write_state(state, also_as_copy=True)
    files.remove(doomed)
    return Dropped(len(meant), sum(meant.values()), len(doomed))


def _give_up(ledger: Ledger, meant: Collection[EnvelopeKey]) -> None:
    for lease in ledger.lease(ledger.depth[0]):
        if lease.key in meant:
            ledger.lose(lease.key, WHY)
        else:
            ledger.give_back(lease.key)


def _seen(state: SpoolState, found: SegmentFound) -> SpoolState:
    """With what the records know better: it would go with them."""
    seqs = [record.key.seq for record in found.records if record.key.boot == state.boot]
    noted = () if state.last_seq is None else (state.last_seq,)
    powered_s = max((record.lifetime.powered_s for record in found.records), default=0)
    last_seq = max((*seqs, *noted), default=None)
    return replace(state, last_seq=last_seq, powered_s=max(state.powered_s, powered_s))


def _judge_sound(folder: SpoolFolder, end: StreamEnd) -> None:
    for name in end.damaged:
        raise _not_sound(folder, f"{name} is damaged")
    for name in end.missing:
        raise _not_sound(folder, f"{name} is missing")
    for key in end.lost:
        raise _not_sound(folder, f"batch {key.boot}/{key.seq} is missing")


def _not_sound(folder: SpoolFolder, reason: str) -> FileRefused:
    remedy = "start the agent on it once, so that it tells what is lost and mends the rest, stop it, and drop then"
    return FileRefused(str(folder.path), f"{reason}: {remedy}")
