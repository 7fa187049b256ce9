import inspect

import pytest

from edge_agent import errors
from edge_agent.errors import (
    BadSettings,
    BusDown,
    CredentialsRefused,
    DatabaseRefused,
    DiskBusy,
    DocumentRefused,
    EdgeAgentError,
    EnvelopeRefused,
    Fatal,
    Fault,
    FileRefused,
    HubUnreachable,
    JsonRefused,
    LogRefused,
    MappingRefused,
    PayloadRefused,
    Rejected,
    SpoolUnusable,
    Transient,
    UplinkWedged,
)

FAULTS = [Fault("rules.idle", "must be given"), Fault("", "not JSON")]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            BusDown("can0", "gone"),
            "bus 'can0' cannot be read: gone. Check the interface with `ip -details link show` and the bus's settings",
        ),
        (HubUnreachable("no route"), "the hub cannot be reached: no route"),
        (
            CredentialsRefused("not authorized"),
            "the hub cannot be reached: not authorized. Check the module's identity and key at the hub",
        ),
        (DiskBusy("/var/x", "No space left on device"), "/var/x cannot be written: No space left on device"),
        (DatabaseRefused("a.dbc", "Invalid syntax", 7), "a.dbc:7: Invalid syntax"),
        (DatabaseRefused("a.dbc", "no such file"), "a.dbc: no such file"),
        (MappingRefused("a.json", "not JSON", 3), "a.json:3: not JSON"),
        (BusDown("x", "gone", act="opened", hint="Look"), "bus 'x' cannot be opened: gone. Look"),
        (FileRefused("a.csv", "cannot be written: Is a directory"), "a.csv: cannot be written: Is a directory"),
        (LogRefused("a.blf", "cut off", 12), "a.blf: cut off (after 12 frames)"),
        (LogRefused("a.blf", "not a log"), "a.blf: not a log"),
        (JsonRefused("not JSON", (2, 7)), "not JSON at line 2 column 7"),
        (JsonRefused("nested too deeply"), "nested too deeply"),
        (DocumentRefused(FAULTS), "rules.idle: must be given; not JSON"),
        (BadSettings(FAULTS), "rules.idle: must be given; not JSON"),
        (EnvelopeRefused(3, 14, "too large"), "batch 3/14: too large"),
        (PayloadRefused("drive.json line 2", "not JSON"), "drive.json line 2: not JSON"),
        (
            SpoolUnusable("/var/x", "in use", "Stop the other one"),
            "the spool in /var/x cannot be used: in use. Stop the other one",
        ),
        (SpoolUnusable("/var/x", "in use"), "the spool in /var/x cannot be used: in use"),
        (
            UplinkWedged(3),
            "3 connections to the hub could not be closed; leaving so that IoT Edge restarts us",
        ),
    ],
)
def test_an_error_is_one_sentence_and_says_what_to_do(error: EdgeAgentError, sentence: str) -> None:
    assert error.sentence() == sentence


def test_every_error_has_one_of_three_verdicts() -> None:
    verdicts = (Transient, Rejected, Fatal)
    classes = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, EdgeAgentError)]

    for one in classes:
        if one is not EdgeAgentError:
            assert sum(issubclass(one, verdict) for verdict in verdicts) == 1, one


def test_refused_credentials_are_tried_again_like_an_unreachable_hub() -> None:
    assert issubclass(CredentialsRefused, HubUnreachable)
