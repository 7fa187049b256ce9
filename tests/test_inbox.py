import asyncio
import json
from pathlib import Path

import pytest

from edge_agent.channel import Channel, WhenFull
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.inbox import LastGoodTwin, ModuleInbox
from edge_agent.records import RawKind
from edge_agent.twin import Config, Twin
from tests.acquire.told import Told

RPM = Signal("Rpm", BitField(0, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "1/min")
CATALOG = Catalog([("can0", [Database("a.dbc", (Message("Engine", 1, 8, (RPM,)),))])])
IDLE = {"kind": "periodic", "signals": ["Engine.Rpm"], "every_ms": 1000}
ABOUT = {"agent": {"version": "1.2.3"}}


def desired(version: int, **rules: object) -> dict[str, object]:
    return {"schema_version": 1, "rules": rules, "$version": version}


def whole(document: object) -> str:
    return json.dumps({"desired": document, "reported": {}})


class Desk:
    """An inbox, and all that hears of it."""

    def __init__(self, folder: Path, catalog: Catalog = CATALOG) -> None:
        self.told = Told()
        self.last_good = LastGoodTwin(folder / "twin.json")
        self.configs: Channel[Config] = Channel("configs", 8, WhenFull.DROP_OLDEST)
        self.inbox = ModuleInbox(
            Twin(catalog),
            self.last_good,
            self.configs,
            methods={"status": lambda: {"boot": 3}, "latest": dict},
            about=ABOUT,
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
    assert answer.keys() == {"config", "agent"}
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


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xfe", b"[]", b"7", b'"text"', b"null"])
async def test_a_last_good_file_that_cannot_be_read_is_left_to_the_hub(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "twin.json").write_bytes(content)
    desk = Desk(tmp_path)

    await desk.inbox.restore()
    await desk.inbox.document(whole(desired(1, idle=IDLE)))

    assert await desk.rules() == [["idle"]]
    assert json.loads(desk.last_good.read() or "")["$version"] == 1


async def test_a_last_good_file_that_may_not_be_read_is_left_to_the_hub(tmp_path: Path) -> None:
    (tmp_path / "twin.json").mkdir()
    desk = Desk(tmp_path)

    await desk.inbox.restore()

    assert await desk.rules() == []


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


async def test_a_method_answers_with_json(tmp_path: Path) -> None:
    answer = await Desk(tmp_path).inbox.method("status", "null")

    assert (answer.status, json.loads(answer.payload)) == (200, {"boot": 3})


async def test_a_method_nobody_knows_is_answered_with_those_there_are(tmp_path: Path) -> None:
    answer = await Desk(tmp_path).inbox.method("reboot", "null")

    assert answer.status == 404
    assert json.loads(answer.payload) == {"error": "no method 'reboot'; there are: latest, status"}


async def test_a_wait_for_the_first_configuration_ends_with_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(desk.inbox.configured.wait())
        await desk.inbox.document(whole(desired(4)))

    assert waiting.result()
