"""In which order the agent falls quiet and wakes, in virtual time."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from edge_agent.power.power_file import PowerFile
from edge_agent.power.quiet import ALL, NOTHING, PowerState, QuietAsked
from edge_agent.power.turns import Line, Power
from edge_agent.twin.reported import Reported
from tests.acquire.told import Told
from tests.uplink.virtual_time import LoopClock, in_virtual_time

SECOND_NS = 1_000_000_000


class Scene:
    """A power that runs, and a line that does what it is told and writes down what that was."""

    def __init__(self, folder: Path) -> None:
        self.log = Told()
        self.reported = Reported()
        self.acts: list[tuple[float, str]] = []
        self.committed, self.urgent, self.hush_s = True, False, 0.0
        line = Line(
            seal=self._seal,
            commit=lambda count: self.committed and count == 3,
            waits=lambda: self.urgent,
            limit=lambda last: self.did(f"limit {last}"),
            hush=self._hush,
            wake=lambda: self.did("wake"),
            left=lambda: 17,
        )
        self._path = folder / "power.json"
        self.power = Power(line, _Instant(self._path, self.log), self.reported, clock=LoopClock(), log=self.log)

    def did(self, act: str) -> None:
        self.acts.append((round(asyncio.get_running_loop().time(), 1), act))

    @property
    def told(self) -> str:
        """What a power manager reads now."""
        return str(json.loads(self._path.read_text())["state"])

    @property
    def section(self) -> dict[str, object]:
        patch: dict[str, dict[str, object]] = json.loads(self.reported.due(10**18, last=True) or "{}")
        self.reported.answered(taken=False)
        return patch["power"]

    def names(self) -> list[str]:
        return [act for _, act in self.acts]

    def _seal(self) -> int:
        self.did("seal")
        return 3

    async def _hush(self) -> None:
        self.did("hush")
        await asyncio.sleep(self.hush_s)


class _Instant(PowerFile):
    """Written at once: virtual time stands still for no thread."""

    def __init__(self, path: Path, log: Told) -> None:
        super().__init__(path, log)
        self._there = path

    async def write(self, state: PowerState, since_ms: int) -> None:
        self._there.write_text(json.dumps({"state": state.value, "since_ms": since_ms}))


def play(folder: Path, act: Callable[[Scene], Awaitable[None]]) -> Scene:
    async def main() -> Scene:
        scene = Scene(folder)
        running = asyncio.create_task(scene.power.run(), name="power")
        await asyncio.sleep(0.05)
        await act(scene)
        running.cancel()
        return scene

    return in_virtual_time(main())


def test_a_signal_seals_sends_what_is_urgent_reports_leaves_the_network_and_only_then_says_quiet(
    tmp_path: Path,
) -> None:
    async def act(scene: Scene) -> None:
        assert (scene.told, scene.section["state"]) == ("awake", "awake")
        scene.urgent, scene.hush_s = True, 1.0
        scene.power.follow(QuietAsked(last_priority=4))
        scene.power.ask()
        await asyncio.sleep(3)
        assert (scene.told, scene.names()) == ("sending", ["seal", "limit 4"])
        scene.urgent = False
        await asyncio.sleep(0.5)
        assert scene.names()[2:] == [f"limit {NOTHING}", "hush"]
        assert scene.told == "sending", "the connection is not closed yet"
        assert (scene.section["state"], scene.section["batches_left"]) == ("quiet", 17), "it goes with the last report"
        await asyncio.sleep(1)
        assert scene.told == "quiet"

    scene = play(tmp_path, act)
    assert [(line["state"], line["by"]) for line in scene.log.fields("app.power_changed")] == [
        ("sending", "signal"),
        ("quiet", "sent"),
    ]


def test_what_is_urgent_has_its_time_and_no_more(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        scene.urgent = True
        scene.power.ask()
        await asyncio.sleep(60)
        assert scene.told == "quiet"

    scene = play(tmp_path, act)
    assert scene.acts == [(0.1, "seal"), (0.1, "limit 2"), (20.1, f"limit {NOTHING}"), (20.1, "hush")]
    assert scene.log.fields("app.power_changed")[-1]["by"] == "limit"


def test_it_is_not_called_quiet_before_the_disk_has_what_was_sealed(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        scene.committed = False
        scene.power.ask()
        await asyncio.sleep(100)
        assert scene.told == "sending"
        assert scene.acts[-1] == (20.1, "hush"), "the network does not wait for a disk that hangs"
        scene.committed = True
        await asyncio.sleep(0.2)
        assert scene.told == "quiet"

    play(tmp_path, act)


def test_a_wake_brings_everything_back(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        scene.power.ask()
        await asyncio.sleep(10)
        scene.power.wake()
        await asyncio.sleep(0.01)
        assert scene.names()[-2:] == [f"limit {ALL}", "wake"]
        assert (scene.told, scene.section["state"]) == ("awake", "awake")
        assert "batches_left" not in scene.section

    play(tmp_path, act)


def test_a_wake_while_it_sends_or_leaves_the_network_is_never_told_as_quiet(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        scene.urgent, scene.hush_s = True, 2.0
        scene.power.ask()
        await asyncio.sleep(1)
        scene.power.wake()
        await asyncio.sleep(1)
        assert scene.names()[-3:] == ["limit 2", f"limit {ALL}", "wake"]
        scene.urgent = False
        scene.power.ask()
        await asyncio.sleep(1)
        assert scene.names()[-1] == "hush"
        scene.power.wake()
        await asyncio.sleep(2)
        assert scene.names()[-3:] == ["hush", f"limit {ALL}", "wake"]
        assert scene.told == "awake"

    scene = play(tmp_path, act)
    assert "quiet" not in [line["state"] for line in scene.log.fields("app.power_changed")]


def test_a_condition_makes_it_quiet_after_its_time_and_wakes_it_at_once(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        for _ in range(60):
            scene.power.hear(is_true=True)
            await asyncio.sleep(0.1)
        assert scene.told == "quiet"
        scene.power.hear(is_true=False)
        await asyncio.sleep(0.01)
        assert scene.told == "awake"

    scene = play(tmp_path, act)
    assert scene.acts[0] == (5.1, "seal")
    assert [line["by"] for line in scene.log.fields("app.power_changed")] == ["condition", "sent", "condition"]


def test_a_wake_and_an_ask_at_one_moment_send_anew_what_is_urgent(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        scene.power.ask()
        await asyncio.sleep(10)
        scene.power.wake()
        scene.power.ask()
        await asyncio.sleep(10)
        assert scene.told == "quiet"

    assert play(tmp_path, act).names().count("hush") == 2
