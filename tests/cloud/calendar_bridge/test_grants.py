"""One contract for every place that grants are kept in."""

import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from calendar_bridge import http
from calendar_bridge.errors import GrantUnreadable, Refused, Unreachable
from calendar_bridge.folder import Folder
from calendar_bridge.keyvault import KeyVault
from calendar_bridge.ports import Grants
from calendar_bridge.records import Grant
from tests.cloud.calendar_bridge.fake_azure import FakeVault
from tests.cloud.calendar_bridge.stage import SetClock
from tests.cloud.calendar_bridge.web_server import WebServer

GRANT = Grant("0a", "demo-vehicle", "p1", "k", "a token")


class Token:
    def __init__(self, text: str = "vault-token") -> None:
        self._text = text

    async def authorization(self, _now_s: float) -> str:
        return f"Bearer {self._text}"


@pytest.fixture(params=["folder", "vault"])
async def grants(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Grants]:
    with WebServer().running() as server:
        FakeVault(server)
        async with http.opened() as web:
            vault = KeyVault(web, SetClock(), Token(), server.url)
            yield Folder(tmp_path / "new" / "grants") if request.param == "folder" else vault


async def test_what_was_put_is_there_until_it_is_removed(grants: Grants) -> None:
    assert list(await grants.all()) == []
    many = [replace(GRANT, id=f"{number:02x}", profile=f"p{number}") for number in range(5)]
    for one in many:
        await grants.put(one)
    await grants.put(changed := replace(many[0], refresh_token="another"))  # noqa: S106  an example
    await grants.remove("04")
    await grants.remove("04")

    assert sorted(await grants.all(), key=lambda one: one.id) == [changed, *many[1:4]]


async def test_a_file_is_for_its_owner_alone_and_one_that_is_none_is_named(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    await folder.put(GRANT)
    path = tmp_path / "0a.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    path.write_text("{}")
    with pytest.raises(GrantUnreadable, match="0a"):
        await folder.all()


async def test_a_folder_that_cannot_be_written_is_a_matter_of_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unreachable):
        await Folder(tmp_path / "file" / "grants").put(GRANT)


async def test_a_vault_that_does_not_know_us_and_one_that_leads_elsewhere_are_not_asked_again_at_once() -> None:
    with WebServer().running() as server:
        vault = FakeVault(server)
        async with http.opened() as web:
            with pytest.raises(Unreachable, match="credential"):
                await KeyVault(web, SetClock(), Token("x"), server.url).all()
            good = KeyVault(web, SetClock(), Token(), server.url)
            await good.put(GRANT)
            await good.remove(GRANT.id)
            with pytest.raises(Refused):  # why a grant's id is never used again
                await good.put(GRANT)
            vault.url = "https://elsewhere.example"
            vault.secrets |= {"calendar-b": "{}", "calendar-c": "{}"}
            with pytest.raises(Unreachable, match="leads elsewhere"):
                await good.all()


def test_a_token_stands_in_no_text_of_a_grant() -> None:
    assert "a token" not in repr(GRANT)
