from dataclasses import replace

from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.records import EXTENDED_ID, RawKind, SignalInfo


def signal(name: str, unit: str = "") -> Signal:
    return Signal(name, BitField(0, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, unit)


def message(name: str, can_id: int, *signals: str, unit: str = "") -> Message:
    return Message(name, can_id, 8, tuple(signal(one, unit) for one in signals))


def database(*messages: Message) -> Database:
    return Database("made.dbc", messages)


CAR = Catalog(
    [
        (
            "can0",
            [
                database(
                    message("Engine", 1, "Rpm", "CoolantTemp"),
                    message("Battery", 2, "Voltage", "Current", "CellVoltage01", "CellVoltage02"),
                )
            ],
        )
    ]
)


def test_a_signal_is_known_by_its_message_and_name() -> None:
    entry = CAR["Engine.Rpm"]

    assert (entry.bus, entry.message.name, entry.signal.name) == (0, "Engine", "Rpm")
    assert entry.info == SignalInfo("Engine.Rpm", "", 1.0, 0.0, RawKind.UNSIGNED, 8)
    assert len(CAR) == 6


def test_only_names_that_two_buses_share_carry_their_bus() -> None:
    both = Catalog([("front", [database(message("M", 1, "S"))]), ("rear", [database(message("M", 2, "S", "T"))])])

    assert list(both) == ["front.M.S", "rear.M.S", "rear.M.T"]
    assert (both["front.M.S"].bus, both["rear.M.S"].bus) == (0, 1)


def test_two_messages_of_one_name_on_one_bus_are_told_apart_by_their_ids() -> None:
    known = Catalog(
        [
            (
                "can0",
                [database(message("M", 0x50, "S"), message("M", 0x100, "S"), message("M", 0x100 | EXTENDED_ID, "S"))],
            )
        ]
    )

    assert list(known) == ["M.S", "M@100.S", "M@100x.S"]


def test_of_two_messages_of_one_id_the_first_file_is_used() -> None:
    known = Catalog([("can0", [database(message("A", 1, "S")), database(message("B", 1, "S"), message("C", 2, "S"))])])

    assert list(known) == ["A.S", "C.S"]
    assert [one.name for _, one in known.messages] == ["A", "C"]


def test_a_name_means_itself_and_a_glob_what_it_matches() -> None:
    assert CAR.match("Engine.Rpm") == ("Engine.Rpm",)
    assert CAR.match("Battery.CellVoltage*") == ("Battery.CellVoltage01", "Battery.CellVoltage02")
    assert CAR.match("Battery.CellVoltage0[2-9]") == ("Battery.CellVoltage02",)
    assert CAR.match("*.Rpm") == ("Engine.Rpm",)


def test_a_name_after_its_buss_means_the_same_whichever_other_files_could_be_loaded() -> None:
    front = ("front", [database(message("M", 1, "S", "T"))])
    for rear, public in (([database(message("M", 2, "S"))], "front.M.S"), ([], "M.S")):
        known = Catalog([front, ("rear", rear)])

        assert public in known
        assert known.match("front.M.S") == (public,)
        assert known.match("front.M.*") == (public, public.replace("S", "T"))
        assert known.match("*.S")[0] == public


def test_a_path_after_its_buss_name_means_the_same_whichever_other_files_could_be_loaded() -> None:
    front = ("front", [database(Message("M", 1, 8, (replace(signal("S"), path="Vehicle.Speed"),)))])
    for rear, public in ((front[1], "front.Vehicle.Speed"), ([], "Vehicle.Speed")):
        known = Catalog([front, ("rear", rear)])

        assert known.match("front.Vehicle.Speed") == known.match("front.M.S") == (public,)


def test_messages_of_one_name_are_told_apart_after_their_buss_name_too() -> None:
    known = Catalog([("can0", [database(message("M", 0x50, "S"), message("M", 0x100, "S"))])])

    assert known.match("can0.M@100.S") == ("M@100.S",)
    assert known.match("can0.M.S") == ("M.S",)


def test_a_glob_minds_the_case_and_the_whole_name() -> None:
    assert CAR.match("engine.rpm") == ()
    assert CAR.match("Engine") == ()
    assert CAR.match("") == ()


def test_a_name_with_brackets_in_it_means_itself() -> None:
    known = Catalog([("can0", [database(message("M[1]", 1, "S"))])])

    assert known.match("M[1].S") == ("M[1].S",)


def test_the_nearest_names_are_what_somebody_may_have_meant() -> None:
    assert CAR.nearest("engine.rpm")[0] == "Engine.Rpm"
    assert CAR.nearest("Engine.Rmp")[0] == "Engine.Rpm"
    assert CAR.nearest("Motor.CoolantTemp")[0] == "Engine.CoolantTemp"
    assert len(CAR.nearest("Battery.CellVoltage03")) == 3
    assert CAR.nearest("Zzz.Qqq") == ()
    assert Catalog([("can0", [])]).nearest("Engine.Rpm") == ()


def test_a_field_knows_the_last_byte_it_touches() -> None:
    assert BitField(0, 8, big_endian=False).last_byte == 0
    assert BitField(4, 8, big_endian=False).last_byte == 1
    assert BitField(7, 8, big_endian=True).last_byte == 0
    assert BitField(0, 2, big_endian=True).last_byte == 1
    assert BitField(63, 64, big_endian=True).last_byte == 14
