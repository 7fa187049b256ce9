import asyncio
import json
import threading
from itertools import count
from pathlib import Path

import pytest

from edge_agent.channel import Channel, WhenFull
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.disk import Disk
from edge_agent.errors import MethodRefused
from edge_agent.records import RawKind
from edge_agent.twin.compilation import Config
from edge_agent.twin.desired import Twin
from edge_agent.twin.inbox import LastGoodTwin, ModuleInbox
from edge_agent.twin.reported import Reported
from tests.acquire.told import Told

RPM = Signal("Rpm", BitField(0, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "1/min")
CATALOG = Catalog([("can0", [Database("a.dbc", (Message("Engine", 1, 8, (RPM,)),))])])
IDLE = {"kind": "periodic", "signals": ["Engine.Rpm"], "every_ms": 1000}
ABOUT = {"agent": {"version": "1.2.3"}}


def desired(version: int, **rules: object) -> dict[str, object]:
    return {"schema_version": 1, "rules": rules, "$version": version}


def whole(document: object) -> str:
    return json.dumps({"desired": document, "reported": {}})


def _echo(payload: object) -> dict[str, object]:
    if payload == "wrong":
        raise MethodRefused(400, "not this")
    if payload == "broken":
        raise KeyError("a part")
    return {"asked": payload}


async def _echo_later(payload: object) -> dict[str, object]:
    await asyncio.sleep(0)
    return _echo(payload)


class Desk:
    """An inbox, and all that hears of it."""

    def __init__(self, folder: Path, catalog: Catalog = CATALOG) -> None:
        self.told = Told()
        self.last_good = LastGoodTwin(folder / "twin.json")
        self.configs: Channel[Config] = Channel("configs", 8, WhenFull.DROP_OLDEST)
        self.reported = Reported()
        self.connects = count(1)
        self.inbox = ModuleInbox(
            Twin(catalog),
            self.last_good,
            self.configs,
            methods={"status": lambda _: {"boot": 3}, "latest": _echo, "later": _echo_later},
            about=ABOUT,
            link=lambda: {"link": {"connects": next(self.connects)}},
            reported=self.reported,
            log=self.told,
        )

    async def rules(self) -> list[list[str]]:
        """Names of the rules of each configuration that was handed on."""
        return [[rule.info.name for rule in (await self.configs.get()).rules] for _ in range(len(self.configs))]


async def test_a_document_that_runs_is_handed_on_told_reported_and_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert not desk.inbox.configured.is_set()

    answer = json.loads(await desk.inbox.document(whole(desired(4, idle=IDLE))))

    assert await desk.rules() == [["idle"]]
    assert desk.inbox.configured.is_set()
    assert answer.keys() == {"config", "agent", "link"}
    assert (answer["config"]["running_version"], answer["agent"]) == (4, {"version": "1.2.3"})
    assert desk.told.lines == [("info", "twin.document_applied", {"version": 4, "rules": 1, "signals": 1})]
    assert json.loads(desk.last_good.read() or "") == desired(4, idle=IDLE)


async def test_a_patch_is_answered_with_the_configuration_alone(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.inbox.document(whole(desired(4, idle=IDLE)))

    answer = json.loads(await desk.inbox.patch(json.dumps({"rules": {"fast": IDLE}, "$version": 5})))

    assert await desk.rules() == [["idle"], ["idle", "fast"]]
    assert answer.keys() == {"config"}


async def test_a_document_that_is_refused_is_told_and_neither_handed_on_nor_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.inbox.document(whole(desired(4, idle=IDLE)))
    await desk.rules()

    answer = json.loads(await desk.inbox.patch(json.dumps({"rules": {"idle": {"every_ms": 1}}, "$version": 5})))

    assert (await desk.rules(), answer["config"]["status"]) == ([], "refused")
    assert desk.told.lines[1:] == [
        (
            "warning",
            "twin.document_refused",
            {"version": 5, "running_version": 4, "faults": ["rules.idle.every_ms: must be >= 10"]},
        )
    ]
    assert json.loads(desk.last_good.read() or "")["$version"] == 4


async def test_what_says_nothing_new_is_not_handed_on_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.inbox.document(whole(desired(4, idle=IDLE)))
    await desk.inbox.document(whole(desired(4, idle=IDLE)))
    await desk.inbox.patch(json.dumps({"rules": None, "$version": 4}))

    assert await desk.rules() == [["idle"]]
    assert len(desk.told.lines) == 1


async def test_the_last_good_document_runs_after_a_restart_without_network(tmp_path: Path) -> None:
    await Desk(tmp_path).inbox.document(whole(desired(4, idle=IDLE)))
    desk = Desk(tmp_path)

    await desk.inbox.restore()

    assert await desk.rules() == [["idle"]]
    assert desk.inbox.configured.is_set()


async def test_a_last_good_document_that_no_longer_fits_is_told_and_nothing_runs(tmp_path: Path) -> None:
    await Desk(tmp_path).inbox.document(whole(desired(4, idle=IDLE)))
    desk = Desk(tmp_path, Catalog([("can0", [])]))

    await desk.inbox.restore()

    assert await desk.rules() == []
    assert not desk.inbox.configured.is_set()
    assert desk.told.fields("twin.document_refused")[0]["running_version"] is None


DAMAGED = (b"", b"{", b"\xff\xfe", b"[1]", b"7", b'"text"', b"null", b"1e400", b"[" * 100_000, b"{}")
NO_VERSION = (b'{"$version": "x"}', b'{"$version": 1e400}', b'{"$version": null}', b'{"$version": true}')


@pytest.mark.parametrize("content", [*DAMAGED, *NO_VERSION], ids=lambda content: repr(content[:20]))
async def test_a_last_good_file_that_is_damaged_is_told_and_left_to_the_hub(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "twin.json").write_bytes(content)
    desk = Desk(tmp_path)

    await desk.inbox.restore()
    assert len(desk.told.fields("twin.kept_document_unusable")) == 1
    await desk.inbox.document(whole(desired(1, idle=IDLE)))

    assert await desk.rules() == [["idle"]]
    assert json.loads(desk.last_good.read() or "")["$version"] == 1


async def test_a_last_good_file_that_may_not_be_read_is_left_to_the_hub(tmp_path: Path) -> None:
    (tmp_path / "twin.json").mkdir()
    desk = Desk(tmp_path)

    await desk.inbox.restore()

    assert await desk.rules() == []
    [fields] = desk.told.fields("twin.kept_document_unusable")
    assert "Is a directory" in str(fields["reason"])


async def test_where_no_document_was_kept_there_is_nothing_to_tell(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    await desk.inbox.restore()

    assert desk.told.lines == []


async def test_signals_that_are_missing_while_a_database_is_refused_are_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Catalog([("can0", [])], complete=False))

    await desk.inbox.document(whole(desired(4, idle=IDLE)))

    assert await desk.rules() == [["idle"]]
    missing = "rules.idle.signals[0]: no signal 'Engine.Rpm': no database could be loaded"
    assert desk.told.fields("twin.signals_missing") == [{"version": 4, "signals": [missing]}]


class Slow(Catalog):
    """A catalogue so large that a look-up lasts until it may end."""

    def __init__(self) -> None:
        super().__init__([("can0", [Database("a.dbc", (Message("Engine", 1, 8, (RPM,)),))])])
        self.asked, self.may_end = threading.Event(), threading.Event()

    def match(self, pattern: str) -> tuple[str, ...]:
        self.asked.set()
        self.may_end.wait(10)
        return super().match(pattern)


async def test_the_event_loop_goes_on_while_a_document_is_judged(tmp_path: Path) -> None:
    slow = Slow()
    desk = Desk(tmp_path, slow)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(desk.inbox.document(whole(desired(4, idle=IDLE))), name="first")
        second = group.create_task(
            desk.inbox.patch(json.dumps({"rules": {"fast": IDLE}, "$version": 5})), name="second"
        )
        await asyncio.to_thread(slow.asked.wait, 10)
        assert not first.done()
        assert not second.done()
        slow.may_end.set()

    assert await desk.rules() == [["idle"], ["idle", "fast"]]


async def test_a_judgement_cut_off_with_its_connection_is_made_anew_by_the_next(tmp_path: Path) -> None:
    slow = Slow()
    desk = Desk(tmp_path, slow)
    judging = asyncio.create_task(desk.inbox.document(whole(desired(4, idle=IDLE))), name="judging")
    await asyncio.to_thread(slow.asked.wait, 10)
    judging.cancel()
    await asyncio.wait((judging,))
    slow.may_end.set()

    await desk.inbox.document(whole(desired(4, idle=IDLE)))

    assert await desk.rules() == [["idle"]]
    assert desk.inbox.running_version == 4


async def test_a_document_that_cannot_be_kept_runs_and_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "gone")

    await desk.inbox.document(whole(desired(4, idle=IDLE)))

    assert await desk.rules() == [["idle"]]
    [fields] = desk.told.fields("twin.document_not_kept")
    assert "No such file or directory" in str(fields["reason"])


async def test_documents_in_quick_succession_leave_the_newest(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for version in range(1, 30):
        await desk.inbox.document(whole(desired(version, **{f"r{version}": IDLE})))

    assert (await desk.rules())[-1] == ["r29"]
    assert desk.configs.dropped_total == 21
    assert json.loads(desk.last_good.read() or "")["$version"] == 29


async def test_a_write_that_outlives_its_session_neither_meets_nor_follows_that_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, path = Desk(tmp_path), tmp_path / "twin.json"
    hangs, begun_beside, in_place = threading.Event(), threading.Event(), list[str]()
    create, rename = Disk.create, Disk.rename

    def told(disk: Disk, new: Path) -> int:
        if hangs.is_set():
            begun_beside.set()
        return create(disk, new)

    def slow(disk: Disk, old: Path, new: Path) -> None:
        if not hangs.is_set():
            hangs.set()
            begun_beside.wait(0.3)  # what must not come
        rename(disk, old, new)
        in_place.append(path.read_text())

    monkeypatch.setattr(Disk, "create", told)
    monkeypatch.setattr(Disk, "rename", slow)
    first = asyncio.create_task(desk.inbox.document(whole(desired(5, idle=IDLE))), name="first")
    await asyncio.to_thread(hangs.wait, 10)
    first.cancel()
    await asyncio.wait((first,))

    await desk.inbox.document(whole(desired(6, idle=IDLE)))

    assert [json.loads(content or "{}").get("$version") for content in in_place] == [5, 6]
    assert desk.told.fields("twin.document_not_kept") == []


async def test_a_method_answers_with_json(tmp_path: Path) -> None:
    answer = await Desk(tmp_path).inbox.method("status", "null")

    assert (answer.status, json.loads(answer.payload)) == (200, {"boot": 3})


async def test_a_method_hears_what_it_was_called_with(tmp_path: Path) -> None:
    answer = await Desk(tmp_path).inbox.method("latest", '{"signals": ["a"]}')

    assert (answer.status, json.loads(answer.payload)) == (200, {"asked": {"signals": ["a"]}})


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ('"wrong"', "not this"),
        ("{", "the payload is not JSON: "),
        ("[" * 100_000, "the payload is not JSON: "),
    ],
    ids=lambda value: value[:20],
)
async def test_a_method_that_is_called_wrongly_is_answered_with_a_sentence(
    tmp_path: Path, payload: str, error: str
) -> None:
    answer = await Desk(tmp_path).inbox.method("latest", payload)

    assert answer.status == 400
    assert json.loads(answer.payload)["error"].startswith(error)


async def test_an_answer_too_large_for_the_hub_is_a_sentence_instead(tmp_path: Path) -> None:
    fitting, beyond = "x" * (120_000 - 13), "x" * (120_000 - 12)
    inbox = Desk(tmp_path).inbox

    assert (await inbox.method("latest", json.dumps(fitting))).status == 200
    answer = await inbox.method("latest", json.dumps(beyond))
    assert answer.status == 413
    error = "the answer has 120001 bytes, 120000 at most can be sent: ask for less"
    assert json.loads(answer.payload) == {"error": error}


async def test_a_method_that_fails_is_answered_and_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    answer = await desk.inbox.method("latest", '"broken"')

    assert (answer.status, json.loads(answer.payload)) == (500, {"error": "the method failed: KeyError: 'a part'"})
    assert desk.told.lines == [
        ("warning", "uplink.method_failed", {"name": "latest", "reason": "KeyError: 'a part'"}),
    ]


async def test_a_method_may_answer_later(tmp_path: Path) -> None:
    answer = await Desk(tmp_path).inbox.method("later", "7")

    assert (answer.status, json.loads(answer.payload)) == (200, {"asked": 7})


async def test_each_connection_is_told_of_itself(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    first = json.loads(await desk.inbox.document(whole(desired(4))))
    second = json.loads(await desk.inbox.document(whole(desired(4))))

    assert (first["link"], second["link"]) == ({"connects": 1}, {"connects": 2})


async def test_a_method_nobody_knows_is_answered_with_those_there_are(tmp_path: Path) -> None:
    answer = await Desk(tmp_path).inbox.method("reboot", "null")

    assert answer.status == 404
    assert json.loads(answer.payload) == {"error": "no method 'reboot'; there are: later, latest, status"}


async def test_a_wait_for_the_first_configuration_ends_with_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(desk.inbox.configured.wait())
        await desk.inbox.document(whole(desired(4)))

    assert waiting.result()


async def test_a_connection_makes_all_reports_begin_anew_over_what_the_hub_has(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.reported.say("health", {"can0": {"seen": 1}})
    twin = {"desired": desired(4, idle=IDLE), "reported": {"health": {"gone": {"seen": 9}}, "$version": 7}}

    for _ in range(2):
        await desk.inbox.document(json.dumps(twin))
        assert json.loads(desk.reported.due(0) or "") == {"health": {"can0": {"seen": 1}, "gone": None}}
        desk.reported.answered(taken=True)
