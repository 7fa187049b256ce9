"""Every request of docs/cabin-api.md, over a real socket."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.errors import MessageRejected
from cabin.ports import Answered
from cabin.records import Answer, Purpose
from cabin.web.actions import LARGEST_BODY, Body
from cabin.web.qr import picture_of
from tests.cabin.web.fake_cockpit import FakeCockpit
from tests.cabin.web.serving import Served, serving

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
FIELDS = st.sampled_from(["meeting", "on", "ids", "answer", "text_version", "another"])


@pytest.fixture
def cockpit() -> FakeCockpit:
    return FakeCockpit()


@pytest.fixture
async def served(cockpit: FakeCockpit, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(cockpit, tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("request_", "asked", "answer"),
    [
        (("dial", {"meeting": "a1"}), ("dial", "a1"), {"dialer": "dialing"}),
        (("private", {"on": True}), ("private", True), {"private": True}),
        (("profile", {"profile": "p2"}), ("profile", "p2"), {"profile": "p2"}),
        (("profile/remove", {"profile": "p2"}), ("remove_profile", "p2"), {"profiles": ["guest", "p1"]}),
        (("language", {"language": "de"}), ("language", "de"), {"language": "de"}),
        (("trips/delete", {"ids": ["t1", "t2", "none"]}), ("delete_trips", ["t1", "t2", "none"]), {"deleted": 2}),
        (("trips/delete", {"all": True}), ("delete_trips", None), {"deleted": 8}),
    ],
)
async def test_a_post_reaches_the_cockpit(
    served: Served, cockpit: FakeCockpit, request_: tuple[str, object], asked: tuple[object, ...], answer: object
) -> None:
    path, body = request_
    reply = await served.post(f"/api/v1/{path}", body)
    assert (reply.status, reply.json()) == (200, answer)
    assert cockpit.asked == [asked]


async def test_an_answer_to_a_purpose_names_the_text_that_was_read(served: Served, cockpit: FakeCockpit) -> None:
    body = {"purpose": "trips", "answer": "NO", "text_id": "trips.de", "text_version": 1}
    reply = await served.post("/api/v1/consent", body)
    assert reply.json()["consent"]["trips"] == "NO"
    assert cockpit.asked == [("consent", Purpose.TRIPS, Answer.NO, "trips.de", 1)]


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("dial", {}, "meeting: must be a text of 1 to 200 characters"),
        ("dial", {"meeting": ""}, "meeting: must be a text of 1 to 200 characters"),
        ("dial", {"meeting": "a1", "number": "110"}, "number: is not a field of this request"),
        ("dial", ["a1"], "the body: must be a JSON object"),
        ("private", {"on": 1}, "on: must be true or false"),
        (
            "consent",
            {"purpose": "fun", "answer": "YES"},
            "purpose: must be one of calendar, trips, location, cloud_telemetry",
        ),
        ("consent", {"purpose": "trips", "answer": True}, "answer: must be one of YES, NO, NOT_SET"),
        (
            "consent",
            {"purpose": "trips", "answer": "NO", "text_id": "t", "text_version": -1},
            "text_version: must be a whole number from 0 on",
        ),
        ("trips/delete", {"all": False}, "all: must be true, or name the trips by `ids`"),
        ("trips/delete", {"ids": ["t1", 2]}, "ids[1]: must be a text of 1 to 200 characters"),
        ("trips/delete", {"ids": "t1"}, "ids: must be a list of at most 1000 texts"),
        ("language", {"language": "xx"}, "language: must be en or de"),
    ],
)
async def test_a_body_that_is_wrong_is_told_where(
    served: Served, cockpit: FakeCockpit, path: str, body: object, sentence: str
) -> None:
    reply = await served.post(f"/api/v1/{path}", body)
    assert (reply.status, reply.json()) == (400, {"error": sentence})
    assert path == "language" or cockpit.asked == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 60_000])
async def test_what_is_not_json_is_refused(served: Served, body: bytes) -> None:
    reply = await served.ask("POST", "/api/v1/private", served.posting(), body)
    assert (reply.status, reply.json()) == (400, {"error": "the body: must be JSON in UTF-8"})


async def test_a_body_that_is_too_large_is_refused_with_and_without_its_length(
    served: Served, cockpit: FakeCockpit
) -> None:
    body = json.dumps({"meeting": "a" * LARGEST_BODY}).encode()
    assert (await served.ask("POST", "/api/v1/dial", served.posting(), body)).status == 413
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    reply = await served.ask("POST", "/api/v1/dial", served.posting() | {"Transfer-Encoding": "chunked"}, chunked)
    assert reply.status == 413
    assert cockpit.asked == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "consent", {"purpose": "trips", "answer": "NO", "text_id": "t", "text_version": 1}),
        ("POST", "profile", {"profile": "p2"}),
        ("POST", "profile/remove", {"profile": "p2"}),
        ("POST", "language", {"language": "de"}),
        ("POST", "trips/delete", {"all": True}),
        ("GET", "trips", None),
        ("GET", "trips/t1", None),
        ("GET", "link/a1", None),
        ("GET", "link/a1/qr.svg", None),
        ("GET", "bridge", None),
        ("GET", "bridge/qr.svg", None),
        ("GET", "export?format=csv", None),
    ],
)
async def test_what_is_for_a_parked_vehicle_waits_for_one(
    served: Served, cockpit: FakeCockpit, method: str, path: str, body: object
) -> None:
    cockpit.do(drive="moving")
    path = f"/api/v1/{path}"
    reply = await (served.get(path) if method == "GET" else served.post(path, body))
    assert (reply.status, reply.json()) == (423, {"error": "only while the vehicle is parked"})


async def test_dialling_and_private_mode_are_there_while_driving(served: Served, cockpit: FakeCockpit) -> None:
    cockpit.do(drive="moving")
    assert (await served.post("/api/v1/dial", {"meeting": "a1"})).status == 200
    assert (await served.post("/api/v1/private", {"on": True})).status == 200


async def test_a_meeting_without_a_number_cannot_be_dialled(served: Served) -> None:
    assert (await served.post("/api/v1/dial", {"meeting": "a4"})).status == 409
    assert (await served.post("/api/v1/dial", {"meeting": "zz"})).status == 404


async def test_the_view_is_there_for_the_asking(served: Served) -> None:
    reply = await served.get("/api/v1/view")
    assert reply.status == 200
    assert reply.json()["drive"] == "parked"


async def test_trips_are_listed_and_told_one_by_one(served: Served) -> None:
    assert len((await served.get("/api/v1/trips")).json()["trips"]) == 8
    one = (await served.get("/api/v1/trips/t3")).json()
    assert one["trip"]["id"] == "t3"
    assert len(one["plot"]["t_s"]) == len(one["plot"]["speed_kmh"])
    assert (await served.get("/api/v1/trips/none")).status == 404


async def test_a_link_is_told_where_there_is_one(served: Served) -> None:
    assert (await served.get("/api/v1/link/a1")).json() == {"link": "https://meet.example/1"}
    assert (await served.get("/api/v1/link/zz")).status == 404


async def test_a_link_is_a_picture_that_nobody_keeps(served: Served) -> None:
    reply = await served.get("/api/v1/link/a1/qr.svg")
    assert (reply.status, reply.content) == (200, picture_of("https://meet.example/1"))
    assert (reply.headers["content-type"], reply.headers["cache-control"]) == ("image/svg+xml", "no-store")
    assert (await served.get("/api/v1/link/a5/qr.svg")).status == 404


async def test_the_way_to_a_calendar_is_told_and_is_a_picture_that_nobody_keeps(served: Served) -> None:
    link = (await served.get("/api/v1/bridge")).json()["link"]
    assert link == "https://bridge.example/link?vehicle=v&profile=p1&key=k"
    reply = await served.get("/api/v1/bridge/qr.svg")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/svg+xml")
    assert reply.headers["cache-control"] == "no-store"
    assert reply.content == picture_of(link)


async def test_without_a_bridge_or_its_consent_there_is_no_way_to_a_calendar(
    served: Served, cockpit: FakeCockpit
) -> None:
    cockpit.do(profile="guest")
    assert (await served.get("/api/v1/bridge/qr.svg")).status == 409
    cockpit.do(profile="p1", bridge=False)
    assert (await served.get("/api/v1/bridge/qr.svg")).status == 404


async def test_a_link_that_is_no_web_address_is_no_picture(served: Served, cockpit: FakeCockpit) -> None:
    cockpit.web_link = "tel:+496912345"
    reply = await served.get("/api/v1/link/a1/qr.svg")
    assert (reply.status, reply.json()) == (409, {"error": "link: must begin with https:// to be shown to a phone"})


async def test_a_picture_that_is_made_when_the_vehicle_has_moved_off_is_not_sent(tmp_path: Path) -> None:
    class MovingOff(FakeCockpit):
        async def link(self, meeting: str) -> Answered:
            answer = await super().link(meeting)
            self.do(drive="moving")
            return answer

    async with serving(MovingOff(), tmp_path) as served:
        reply = await served.get("/api/v1/link/a1/qr.svg")
    assert reply.status == 423
    assert b"svg" not in reply.content


async def test_a_guest_cannot_agree(served: Served, cockpit: FakeCockpit) -> None:
    cockpit.do(profile="guest")
    body = {"purpose": "trips", "answer": "YES", "text_id": "trips.en", "text_version": 1}
    reply = await served.post("/api/v1/consent", body)
    assert (reply.status, reply.json()) == (409, {"error": "a guest cannot agree"})
    assert (await served.post("/api/v1/consent", body | {"answer": "NO"})).status == 200


@pytest.mark.parametrize(("form", "kind"), [("csv", "text/csv; charset=utf-8"), ("json", "application/json")])
async def test_an_export_is_a_file(served: Served, form: str, kind: str) -> None:
    reply = await served.get(f"/api/v1/export?format={form}")
    assert reply.headers["content-disposition"] == f'attachment; filename="trips.{form}"'
    assert reply.headers["content-type"] == kind
    assert b"t7" in reply.content


async def test_an_export_is_in_one_of_two_forms(served: Served, cockpit: FakeCockpit) -> None:
    for query in ("", "?format=xml", "?format=CSV"):
        reply = await served.get(f"/api/v1/export{query}")
        assert (reply.status, reply.json()) == (400, {"error": "format: must be csv or json"})
    assert cockpit.asked == []


@given(st.dictionaries(FIELDS, SCALARS | st.lists(SCALARS)))
def test_no_body_does_more_than_be_rejected(values: dict[str, Any]) -> None:
    body = Body(values)
    readers = (
        lambda: body.only("meeting"),
        lambda: body.text("meeting"),
        lambda: body.texts("ids"),
        lambda: body.truth("on"),
        lambda: body.count("text_version"),
        lambda: body.one_of(Answer, "answer"),
    )
    for read in readers:
        with contextlib.suppress(MessageRejected):
            read()
