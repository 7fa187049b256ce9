from pathlib import Path

import pytest

from edge_agent.decode.catalog import BitField, Selector
from edge_agent.decode.dbc import load_database, strict_remarks
from edge_agent.errors import DatabaseRefused
from edge_agent.records import EXTENDED_ID, RawKind

HEAD = 'VERSION ""\nBU_: A\n'


def write(folder: Path, body: str, name: str = "made.dbc", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes((HEAD + body).encode(encoding))
    return path


def remarks(folder: Path, body: str) -> tuple[str, ...]:
    return load_database(write(folder, body)).remarks


def refusal(path: Path) -> DatabaseRefused:
    with pytest.raises(DatabaseRefused) as refused:
        load_database(path)
    return refused.value


def test_a_message_and_its_signals_are_read_as_they_stand(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'BO_ 2566834709 Engine: 8 A\n SG_ Rpm : 7|16@0+ (0.25,-10) [0|0] "1/min" A\n'
        ' SG_ Torque : 16|12@1- (1,0) [0|0] "" A\n'
        'VAL_ 2566834709 Torque 0 "none" -1 "error" ;\n',
    )

    database = load_database(path)

    [message] = database.messages
    rpm, torque = message.signals
    assert database.path == str(path)
    assert (message.name, message.can_id, message.length) == ("Engine", 0x18FECA15 | EXTENDED_ID, 8)
    assert (rpm.field, rpm.kind) == (BitField(7, 16, big_endian=True), RawKind.UNSIGNED)
    assert (rpm.factor, rpm.offset, rpm.unit, rpm.labels) == (0.25, -10.0, "1/min", {})
    assert (torque.field, torque.kind) == (BitField(16, 12, big_endian=False), RawKind.SIGNED)
    assert torque.labels == {0: "none", -1: "error"}


def test_floats_are_read_as_floats(tmp_path: Path) -> None:
    body = 'BO_ 1 M: 8 A\n SG_ F : 0|32@1- (1,0) [0|0] "" A\nSIG_VALTYPE_ 1 F : 1;\n'

    [message] = load_database(write(tmp_path, body)).messages

    assert message.signals[0].kind is RawKind.FLOAT


def test_extended_multiplexing_becomes_a_chain_from_the_outermost_inward(tmp_path: Path) -> None:
    body = (
        'BO_ 1 M: 8 A\n SG_ Outer M : 0|4@1+ (1,0) [0|0] "" A\n SG_ Inner m1M : 4|4@1+ (1,0) [0|0] "" A\n'
        ' SG_ Deep m2 : 8|8@1+ (1,0) [0|0] "" A\n'
        "SG_MUL_VAL_ 1 Inner Outer 1-1, 3-5;\nSG_MUL_VAL_ 1 Deep Inner 2-2;\n"
    )

    [message] = load_database(write(tmp_path, body)).messages

    deep = next(signal for signal in message.signals if signal.name == "Deep")
    assert deep.selectors == (
        Selector(BitField(0, 4, big_endian=False), ((1, 1), (3, 5))),
        Selector(BitField(4, 4, big_endian=False), ((2, 2),)),
    )


def test_the_messages_of_a_j1939_database_are_groups(tmp_path: Path) -> None:
    body = (
        "BO_ 2364540158 Any: 8 A\nBO_ 2364540159 Own: 8 A\nBO_ 1 Short: 8 A\n"
        'BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";\n'
        'BA_DEF_DEF_ "VFrameFormat" "J1939PG";\nBA_ "VFrameFormat" BO_ 2364540159 1;\n'
    )

    messages = load_database(write(tmp_path, body)).messages

    assert {message.name: message.j1939 for message in messages} == {"Any": True, "Own": False, "Short": False}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_degree_sign_is_read_in_whatever_encoding_the_tool_wrote(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, 'BO_ 1 M: 8 A\n SG_ T : 0|8@1+ (1,0) [0|0] "°C" A\n', encoding=encoding)

    assert load_database(path).messages[0].signals[0].unit == "°C"


def test_comments_in_a_foreign_code_page_cost_nothing(tmp_path: Path) -> None:
    body = (
        'BO_ 1 M: 8 A\n SG_ T : 0|8@1+ (1,0) [0|0] "V" A\nCM_ BO_ 1 "\u53d1\u52a8\u673a \u6c34\u6e29 \u4f20\u611f";\n'
    )

    [message] = load_database(write(tmp_path, body, encoding="gbk")).messages

    assert message.signals[0].unit == "V"


def test_a_signal_that_does_not_fit_is_told_and_left_out(tmp_path: Path) -> None:
    body = 'BO_ 1 M: 2 A\n SG_ Good : 0|8@1+ (1,0) [0|0] "" A\n SG_ Bad : 12|8@1+ (1,0) [0|0] "" A\n'
    path = write(tmp_path, body)

    database = load_database(path)

    assert [signal.name for signal in database.messages[0].signals] == ["Good"]
    assert database.remarks == ("signal M.Bad: does not fit in its message of 2 bytes",)
    assert strict_remarks(path) == ("The signal Bad does not fit in message M.",)


def test_signals_behind_a_multiplexer_that_cannot_be_read_are_left_out_with_it(tmp_path: Path) -> None:
    body = 'BO_ 1 M: 2 A\n SG_ Mode M : 16|8@1+ (1,0) [0|0] "" A\n SG_ V m0 : 0|8@1+ (1,0) [0|0] "" A\n'

    assert set(remarks(tmp_path, body)) == {
        "signal M.Mode: does not fit in its message of 2 bytes",
        "signal M.V: its multiplexer Mode: does not fit in its message of 2 bytes",
    }


def test_signals_multiplexed_in_a_circle_are_told_and_end_no_search(tmp_path: Path) -> None:
    body = (
        'BO_ 1 M: 8 A\n SG_ Mode M : 0|8@1+ (1,0) [0|0] "" A\n SG_ X m0M : 8|8@1+ (1,0) [0|0] "" A\n'
        ' SG_ Y m0M : 16|8@1+ (1,0) [0|0] "" A\nSG_MUL_VAL_ 1 X Y 0-0;\nSG_MUL_VAL_ 1 Y X 0-0;\n'
    )

    assert remarks(tmp_path, body) == (
        "signal M.X: multiplexed in a circle: X by Y by X",
        "signal M.Y: multiplexed in a circle: Y by X by Y",
    )


def test_a_multiplexed_signal_without_a_multiplexer_is_told(tmp_path: Path) -> None:
    body = (
        'BO_ 1 M: 8 A\n SG_ A M : 0|8@1+ (1,0) [0|0] "" A\n SG_ B m0M : 8|8@1+ (1,0) [0|0] "" A\n'
        ' SG_ V m0 : 16|8@1+ (1,0) [0|0] "" A\n'
        "SG_MUL_VAL_ 1 B A 0-0;\nSG_MUL_VAL_ 1 V Gone 0-0;\n"
    )

    assert remarks(tmp_path, body) == ("signal M.V: multiplexed, but its message has no multiplexer",)


def test_a_multiplexer_that_is_not_marked_is_used_and_told_once(tmp_path: Path) -> None:
    body = (
        'BO_ 1 M: 8 A\n SG_ Code : 6|2@1+ (1,0) [0|0] "" A\n SG_ V m0 : 0|4@1+ (1,0) [0|0] "" A\n'
        ' SG_ W m1 : 0|4@1+ (1,0) [0|0] "" A\nSG_MUL_VAL_ 1 V Code 0-0;\nSG_MUL_VAL_ 1 W Code 1-1;\n'
    )

    database = load_database(write(tmp_path, body))

    assert database.remarks == ("message M: its multiplexer Code is not marked as one, and is used",)
    assert {signal.name: len(signal.selectors) for signal in database.messages[0].signals} == {
        "Code": 0,
        "V": 1,
        "W": 1,
    }


def test_a_message_longer_than_any_frame_is_told_and_left_out(tmp_path: Path) -> None:
    body = 'BO_ 1 M: 65 A\n SG_ V : 0|8@1+ (1,0) [0|0] "" A\nBO_ 2 N: 64 A\n SG_ V : 0|8@1+ (1,0) [0|0] "" A\n'

    database = load_database(write(tmp_path, body))

    assert [message.name for message in database.messages] == ["N"]
    assert database.remarks == ("message M: 65 bytes long; a frame holds 64 at most",)


GROUPS = (
    'BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";\n'
    'BA_DEF_DEF_ "VFrameFormat" "J1939PG";\n'
)
EC1 = 'BO_ 2566841342 EC1: {} A\n SG_ V : 96|16@1+ (1,0) [0|0] "" A\n'
GNSS = 'BO_ 2583168510 GNSS: 51 A\n SG_ V : 96|16@1+ (1,0) [0|0] "" A\n'


def test_a_group_as_long_as_the_transport_protocol_carries_is_loaded(tmp_path: Path) -> None:
    database = load_database(write(tmp_path, EC1.format(1785) + GROUPS))

    assert [(one.length, one.j1939, one.fast_packet) for one in database.messages] == [(1785, True, False)]
    assert not database.remarks


def test_a_group_longer_than_the_transport_protocol_carries_is_told_and_left_out(tmp_path: Path) -> None:
    database = load_database(write(tmp_path, EC1.format(1786) + GROUPS))

    assert not database.messages
    assert database.remarks == ("message EC1: 1786 bytes long; packets hold 1785 at most",)


NETWORK = 'BA_DEF_ "{0}" STRING ;\nBA_DEF_DEF_ "{0}" "{1}";\n'
OF_MESSAGE = 'BA_DEF_ BO_ "TransportProtocolType" {};\nBA_DEF_DEF_ "TransportProtocolType" "{}";\n'


@pytest.mark.parametrize(
    ("said", "ec1", "gnss"),
    [
        ("", False, True),
        (NETWORK.format("ProtocolType", "J1939"), False, True),
        (NETWORK.format("ProtocolType", "N2K"), True, True),
        (NETWORK.format("BusType", "NMEA 2000"), True, True),
        (NETWORK.format("ProtocolType", "") + 'BA_ "ProtocolType" "nmea2000";\n', True, True),
        (OF_MESSAGE.format("STRING ", "J1939"), False, False),
        (OF_MESSAGE.format("STRING ", "") + 'BA_ "TransportProtocolType" BO_ 2566841342 "NMEATP";\n', True, True),
        (
            OF_MESSAGE.format('ENUM "J1939","NMEATP"', "J1939") + 'BA_ "TransportProtocolType" BO_ 2566841342 1;\n',
            True,
            False,
        ),
    ],
)
def test_which_groups_come_in_fast_packets_is_for_the_file_to_say_and_else_for_their_numbers(
    tmp_path: Path, said: str, *, ec1: bool, gnss: bool
) -> None:
    database = load_database(write(tmp_path, EC1.format(40) + GNSS + GROUPS + said))

    assert [one.fast_packet for one in database.messages] == [ec1, gnss]


def test_in_a_database_of_nmea_2000_every_29_bit_message_is_a_group(tmp_path: Path) -> None:
    eleven = 'BO_ 1 M: 8 A\n SG_ V : 0|8@1+ (1,0) [0|0] "" A\n'
    database = load_database(write(tmp_path, GNSS + eleven + NETWORK.format("ProtocolType", "NMEA2000")))

    assert [(one.j1939, one.fast_packet) for one in database.messages] == [(True, True), (False, False)]


def test_a_conversion_that_is_not_linear_is_told(tmp_path: Path) -> None:
    corpus = Path(__file__).parents[2].parent / "shared" / "data" / "db_corpus"
    path = corpus / "cantools__cantools" / "tests__files__arxml__system-4.2.arxml"
    if not path.exists():
        pytest.skip("no database corpus")
    twisted = tmp_path / "twisted.arxml"
    twisted.write_text(path.read_text().replace("<CATEGORY>LINEAR</CATEGORY>", "<CATEGORY>RAT_FUNC</CATEGORY>"))

    assert load_database(path).remarks == ("message OneToContainThemAll: container messages are not decoded",)
    assert load_database(twisted).remarks == (
        "conversions of category RAT_FUNC are not known; their signals are not scaled",
        "message OneToContainThemAll: container messages are not decoded",
    )


def test_a_multiplexer_with_a_long_name_is_found(tmp_path: Path) -> None:
    long = "AMultiplexerWhoseNameIsLongerThanADbcMayHold"
    body = (
        f'BO_ 1 M: 8 A\n SG_ {long[:32]} M : 0|8@1+ (1,0) [0|0] "" A\n SG_ V m7 : 8|8@1+ (1,0) [0|0] "" A\n'
        'BA_DEF_ SG_ "SystemSignalLongSymbol" STRING ;\nBA_DEF_DEF_ "SystemSignalLongSymbol" "";\n'
        f'BA_ "SystemSignalLongSymbol" SG_ 1 {long[:32]} "{long}";\n'
    )

    database = load_database(write(tmp_path, body))

    assert database.remarks == ()
    assert [(signal.name, len(signal.selectors)) for signal in database.messages[0].signals] == [(long, 0), ("V", 1)]


def test_a_factor_that_no_json_can_hold_is_told(tmp_path: Path) -> None:
    body = 'BO_ 1 M: 8 A\n SG_ V : 0|8@1+ (1e400,0) [0|0] "" A\n'

    assert remarks(tmp_path, body) == ("signal M.V: a factor of inf and an offset of 0; both must be finite",)


def test_of_two_signals_of_one_name_the_first_is_used(tmp_path: Path) -> None:
    body = 'BO_ 1 M: 8 A\n SG_ V : 0|8@1+ (1,0) [0|0] "a" A\n SG_ V : 8|8@1+ (1,0) [0|0] "b" A\n'

    database = load_database(write(tmp_path, body))

    assert [signal.unit for signal in database.messages[0].signals] == ["a"]
    assert database.remarks == ("signal M.V: its message has another signal of this name, which is used",)


def test_of_two_messages_of_one_id_the_one_that_is_not_used_is_told(tmp_path: Path) -> None:
    signal = ' SG_ V : 0|8@1+ (1,0) [0|0] "" A\n'
    body = f"BO_ 256 First: 8 A\n{signal}BO_ 256 Second: 8 A\n{signal}BO_ 2147483904 Other: 8 A\n{signal}"

    assert remarks(tmp_path, body) == ("message Second: its id 100 is First's, which is used",)


@pytest.mark.parametrize(
    ("body", "remark"),
    [
        (' SG_ V : 0|65@1+ (1,0) [0|0] "" A\n', "signal M.V: 65 bits long; 1 to 64 can be decoded"),
        (
            ' SG_ V : 0|24@1- (1,0) [0|0] "" A\nSIG_VALTYPE_ 1 V : 1;\n',
            "signal M.V: a float of 24 bits; 16, 32 and 64 exist",
        ),
    ],
)
def test_a_number_that_is_no_64_bit_word_is_told(tmp_path: Path, body: str, remark: str) -> None:
    assert remark in remarks(tmp_path, f"BO_ 1 M: 16 A\n{body}")


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, 'BO_ 1 M: 8 A\n SG_ V : 0|8@1 (1,0) [0|0] "" A\n')

    refused = refusal(path)

    assert refused.line == 4
    assert str(refused) == f'{path}:4: Invalid syntax at line 4, column 16: " SG_ V : 0|8@1 >>!<<(1,0) [0|0] "" A"'


def test_a_broken_xml_file_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.kcd"
    path.write_text("<NetworkDefinition>\n<Bus></Wrong>\n")

    assert str(refusal(path)) == f"{path}:2: mismatched tag: line 2, column 7"


def test_a_missing_file_is_told_with_its_path(tmp_path: Path) -> None:
    assert str(refusal(tmp_path / "gone.dbc")) == f"{tmp_path}/gone.dbc: no such file"


def test_a_folder_is_told_with_its_path(tmp_path: Path) -> None:
    assert str(refusal(tmp_path)) == f"{tmp_path}: Is a directory"


@pytest.mark.parametrize(
    "name", ["picture.dbc", "picture.sym", "picture.kcd", "picture.arxml", "picture.png", "picture"]
)
@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00\xff\x81", b"", b"\x00" * 100, b"<not><closed>"])
def test_what_is_no_database_is_refused_or_empty_and_never_anything_else(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    try:
        database = load_database(path)
    except DatabaseRefused as refused:
        text = refused.sentence()
        assert text.startswith(f"{path}:")
        assert len(text) > len(str(path)) + 2
    else:
        assert database.messages == ()


@pytest.mark.filterwarnings("ignore:cantools.database.diagnostics:DeprecationWarning")
def test_a_diagnostics_file_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "unit.cdd"
    path.write_text(
        '<?xml version="1.0"?><CANDELA dtdvers="6.0.1"><ECUDOC><DATATYPES/><ECU><VAR/></ECU></ECUDOC></CANDELA>'
    )

    assert refusal(path).reason == "a diagnostics (CDD) file, not a CAN database"


def test_a_container_message_is_told_and_left_out() -> None:
    corpus = Path(__file__).parents[2].parent / "shared" / "data" / "db_corpus"
    path = corpus / "cantools__cantools" / "tests__files__arxml__system-4.2.arxml"
    if not path.exists():
        pytest.skip("no database corpus")

    database = load_database(path)

    assert "message OneToContainThemAll: container messages are not decoded" in database.remarks
    assert "OneToContainThemAll" not in {message.name for message in database.messages}


def test_minimum_and_maximum_are_kept_where_the_field_can_leave_them(tmp_path: Path) -> None:
    body = (
        'BO_ 1 M: 8 A\n SG_ Open : 0|8@1+ (1,0) [0|0] "" A\n SG_ Whole : 8|8@1+ (0.5,0) [0|127.5] "" A\n'
        ' SG_ Less : 16|8@1+ (0.5,-10) [-5|100] "" A\n'
    )

    [message] = load_database(write(tmp_path, body)).messages

    assert [(signal.lowest, signal.highest) for signal in message.signals] == [(None, None), (None, None), (10, 220)]


def test_a_cycle_time_counts_for_what_is_sent_cyclically(tmp_path: Path) -> None:
    types = ("Cyclic", "OnEvent", "IfActive", "NoMsgSendType", "FixedPeriodic")
    body = "".join(f'BO_ {number} M{number}: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" A\n' for number in range(1, 7))
    body += (
        'BA_DEF_ BO_ "GenMsgCycleTime" INT 0 60000;\n'
        f'BA_DEF_ BO_ "GenMsgSendType" ENUM {",".join(chr(34) + name + chr(34) for name in types)};\n'
        'BA_DEF_DEF_ "GenMsgCycleTime" 0;\nBA_DEF_DEF_ "GenMsgSendType" "Cyclic";\n'
    )
    body += "".join(f'BA_ "GenMsgCycleTime" BO_ {number} 20;\n' for number in range(1, 6))
    body += "".join(f'BA_ "GenMsgSendType" BO_ {number + 1} {number};\n' for number in range(5))

    messages = load_database(write(tmp_path, body)).messages

    assert [message.cycle_ns // 1_000_000 for message in messages] == [20, 0, 0, 0, 20, 0]
    (tmp_path / "plain.dbc").write_text(body.replace('"GenMsgSendType"', '"OtherSendType"'))
    untyped = load_database(tmp_path / "plain.dbc").messages
    assert [message.cycle_ns // 1_000_000 for message in untyped] == [20, 20, 20, 20, 20, 0]
