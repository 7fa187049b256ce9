"""Who may ask."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.web.guard import Asked, Door

HOSTS = frozenset({"127.0.0.1:8460", "localhost:8460"})
DOOR = Door(HOSTS, lambda cookie: cookie == "ours")
VIEW = Asked("GET", "/api/v1/view", "127.0.0.1:8460", "", "same-origin", "", "ours")
DIAL = Asked(
    "POST", "/api/v1/dial", "127.0.0.1:8460", "http://127.0.0.1:8460", "same-origin", "application/json", "ours"
)


def status(asked: Asked) -> int | None:
    refusal = DOOR.refusal(asked)
    return refusal[0] if refusal else None


def test_the_page_itself_is_let_in() -> None:
    assert DOOR.refusal(VIEW) is None
    assert DOOR.refusal(DIAL) is None


@given(st.text())
def test_a_foreign_host_is_refused_whatever_else_it_brings(host: str) -> None:
    if host.lower() not in HOSTS:
        assert status(replace(VIEW, host=host)) == 403
        assert status(replace(DIAL, host=host, origin=f"http://{host}")) == 403


@pytest.mark.parametrize(
    "host", ["evil.example:8460", "127.0.0.1", "192.168.1.20:8460", "127.0.0.1:8460.evil.example", ""]
)
def test_a_name_that_leads_here_is_not_ours(host: str) -> None:
    assert status(replace(VIEW, host=host)) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "SAME-ORIGIN", "?"])
def test_another_site_may_neither_ask_nor_do(site: str) -> None:
    assert status(replace(VIEW, fetch_site=site)) == 403
    assert status(replace(DIAL, fetch_site=site)) == 403


@given(st.text())
def test_a_post_of_another_origin_is_refused(origin: str) -> None:
    if origin.lower() != "http://127.0.0.1:8460":
        assert status(replace(DIAL, origin=origin)) == 403


def test_one_own_name_may_not_post_to_the_other() -> None:
    assert status(replace(DIAL, origin="http://localhost:8460")) == 403
    assert status(replace(DIAL, origin="https://127.0.0.1:8460")) == 403


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; b=1", "application/jsonp"]
)
def test_a_post_that_a_form_could_send_is_refused(kind: str) -> None:
    assert status(replace(DIAL, content_type=kind)) == 400


def test_json_may_name_its_letters() -> None:
    assert DOOR.refusal(replace(DIAL, content_type="application/json; charset=utf-8")) is None


@pytest.mark.parametrize("cookie", ["", "theirs"])
def test_who_has_no_cookie_learns_nothing_of_the_vehicle(cookie: str) -> None:
    for path in ("/", "/api/v1/view", "/api/v1/stream", "/api/v1/trips", "/api/v1/export", "/apart/static/"):
        assert status(replace(VIEW, path=path, cookie=cookie)) == 401
    assert status(replace(DIAL, cookie=cookie)) == 401


def test_the_files_of_the_page_are_the_same_for_everybody() -> None:
    assert DOOR.refusal(replace(VIEW, path="/static/app.js", cookie="")) is None
    assert DOOR.refusal(replace(VIEW, path="/favicon.ico", cookie="")) is None


def test_a_launch_token_opens_only_the_way_to_the_page() -> None:
    assert DOOR.refusal(replace(VIEW, path="/", cookie="", launch=True)) is None
    assert status(replace(VIEW, path="/api/v1/view", cookie="", launch=True)) == 401
    assert status(replace(DIAL, path="/", cookie="", launch=True)) == 401


def test_an_app_of_this_machine_may_read_viss_and_a_page_of_another_site_may_not() -> None:
    read = replace(VIEW, path="/viss/Vehicle/Speed", cookie="", fetch_site="")
    talk = replace(read, method="WEBSOCKET", path="/viss")
    for asked in (read, talk, replace(talk, origin="http://127.0.0.1:8460")):
        assert DOOR.refusal(asked) is None
    for asked in (
        replace(talk, origin="http://evil.example"),
        replace(talk, host="evil.example"),
        replace(read, host="evil.example"),
    ):
        assert status(asked) == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get"])
def test_there_are_two_ways_to_ask(method: str) -> None:
    assert status(replace(VIEW, method=method)) == 400
