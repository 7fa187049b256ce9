from pathlib import Path

import pytest

from edge_agent.decode.catalog import Database
from edge_agent.decode.dbc import load_database
from edge_agent.decode.dbc_repair import repaired
from edge_agent.errors import DatabaseRefused
from edge_agent.records import EXTENDED_ID

HEAD = 'VERSION ""\nNS_ :\nBS_:\nBU_: A B\n'
MESSAGE = 'BO_ 1 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" B\n'


def message(can_id: int, name: str) -> str:
    return f'BO_ {can_id} {name}: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" B\n\n'


def loaded(folder: Path, *body: str) -> Database:
    path = folder / "car.dbc"
    path.write_text(HEAD + "".join(body))
    return load_database(path)


def test_a_table_of_a_signal_that_is_not_there_is_left_out_and_named_by_its_line(tmp_path: Path) -> None:
    database = loaded(
        tmp_path,
        MESSAGE,
        'VAL_ 1 T 0 "a;b" 1 "VAL_ 1 S" ;\n',
        'VAL_ 1 S 0 "off" 1 "on" ;\nVAL_ 9 T\n 0 "x" ;\n',
        "SIG_VALTYPE_ 1 T : 1;\nSIG_VALTYPE_ 9 S: 1;\n",
    )

    assert database.remarks == (
        "line 7: VAL_ 1 T is of a signal that no message has; left out",
        "line 9: VAL_ 9 T is of a signal that no message has; left out",
        "line 11: SIG_VALTYPE_ 1 T is of a signal that no message has; left out",
        "line 12: SIG_VALTYPE_ 9 S is of a signal that no message has; left out",
    )
    assert database.messages[0].signals[0].labels == {0: "off", 1: "on"}


def test_an_attribute_that_is_not_defined_is_left_out(tmp_path: Path) -> None:
    database = loaded(
        tmp_path,
        MESSAGE,
        'BA_DEF_ BO_ "GenMsgCycleTime" INT 0 1000;\nBA_DEF_REL_ BU_SG_REL_ "R" INT 0 1;\n',
        'BA_ "GenMsgCycleTime" BO_ 1 100;\nBA_ "Old" BO_ 1 7;\nBA_ "Older" 3;\n',
        'BA_REL_ "Gone" BU_SG_REL_ A SG_ 1 S 1;\n',
    )

    assert database.remarks == (
        'line 10: BA_ "Old": no such attribute is defined; left out',
        'line 11: BA_ "Older": no such attribute is defined; left out',
        'line 12: BA_REL_ "Gone": no such attribute is defined; left out',
    )
    assert database.messages[0].cycle_ns == 100_000_000


def test_an_id_too_long_for_a_standard_one_is_an_extended_one_with_all_that_is_said_of_it(tmp_path: Path) -> None:
    database = loaded(
        tmp_path,
        MESSAGE,
        message(0x12DD54A7, "Wide"),
        f'BA_DEF_ BO_ "GenMsgCycleTime" INT 0 1000;\nBA_ "GenMsgCycleTime" BO_ {0x12DD54A7} 50;\n',
        f'CM_ BO_ {0x12DD54A7} "316495015 VAL_ {0x12DD54A7} S";\nVAL_ {0x12DD54A7} S 1 "on" ;\n',
    )

    assert database.remarks == ("line 7: message Wide: 0x12dd54a7 is no 11-bit id; it is read as a 29-bit one",)
    wide = database.messages[1]
    assert (wide.can_id, wide.cycle_ns, wide.signals[0].labels) == (
        0x12DD54A7 | EXTENDED_ID,
        50_000_000,
        {1: "on"},
    )


def test_an_id_that_no_frame_can_have_costs_its_message(tmp_path: Path) -> None:
    database = loaded(
        tmp_path,
        message(0x40140639, "Broken"),
        message(0x1234 | EXTENDED_ID, "Right"),
        message(0x1234, "Same"),
        MESSAGE,
        f'VAL_ {0x40140639} S 1 "on" ;\nVAL_ {0x1234} S 1 "on" ;\nSIG_VALTYPE_ {0x40140639} S : 1;\n',
        message(0xC000_0000, "VECTOR__INDEPENDENT_SIG_MSG"),
    )

    assert [one.name for one in database.messages] == ["Right", "M"]
    assert database.remarks == (
        "line 5: message Broken: 0x40140639 is no id; the message is left out",
        "line 11: message Same: 0x1234 is no 11-bit id, and as a 29-bit one another message's; the message is left out",
    )


def test_several_complaints_are_met_one_after_the_other(tmp_path: Path) -> None:
    database = loaded(tmp_path, message(5000, "Wide"), MESSAGE, 'VAL_ 1 T 1 "on" ;\nBA_ "Old" 7;\n')

    assert [one.name for one in database.messages] == ["Wide", "M"]
    assert [remark.partition(":")[0] for remark in database.remarks] == ["line 11", "line 5", "line 10"]


def test_a_file_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefused, match="0x40140639 is more than 11 bits"):
        loaded(tmp_path, message(0x40140639, "Broken"))


def test_what_else_is_wrong_is_told_after_what_could_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefused) as refused:
        loaded(tmp_path, MESSAGE, 'VAL_ 1 T 1 "on" ;\nBO_ 2 2nd: 8 A\n')
    assert refused.value.line == 8


@pytest.mark.parametrize(
    "complaint", ['DBC: "Invalid syntax"', "DBC: \"'Cycle'\"", 'DBC: "unused VAL_ entries in DBC:\n"']
)
def test_a_complaint_about_something_else_repairs_nothing(complaint: str) -> None:
    assert repaired(HEAD + MESSAGE + 'BA_DEF_ "Cycle" INT 0 1;\nBA_ "Cycle" 1;\n', complaint) is None
