from calendar_bridge.records import Event, Page
from calendar_bridge.view import View


def view(*pages: list[Event]) -> View:
    one = View(1)
    for events in pages:
        one.take(Page(events, "", "delta"))
    return one


def test_the_same_event_may_come_often_and_an_update_has_what_changed() -> None:
    one = view(
        [{"id": "a", "subject": "x", "showAs": "busy"}], [{"id": "a", "subject": "y"}, {"id": "a", "subject": "z"}]
    )
    assert list(one.events()) == [{"id": "a", "subject": "z", "showAs": "busy"}]


def test_what_was_never_there_can_be_removed() -> None:
    one = view([{"id": "b", "@removed": {"reason": "deleted"}}])
    assert not list(one.events())
    assert not one.lacking()


def test_a_series_is_asked_for_once_a_round_and_where_its_occurrences_change() -> None:
    stub = {"id": "s:1", "type": "occurrence", "seriesMasterId": "s", "subject": None}
    one = view([stub])
    assert one.lacking() == ("s",)
    one.take_series("s", {"id": "s", "subject": "x"})
    assert one.lacking() == ()
    one.end_round()
    assert [event["subject"] for event in one.events()] == ["x"]

    one.take(Page([stub], "", "delta"))
    assert one.lacking() == ("s",)
    one.take(Page([{"id": "s", "type": "seriesMaster", "subject": "y"}], "", "delta"))
    assert one.lacking() == ()


def test_a_series_that_is_no_more_takes_its_occurrences_along() -> None:
    one = view([{"id": "s:1", "type": "occurrence", "seriesMasterId": "s"}, {"id": "a"}])
    one.take_series("s", None)
    assert list(one.events()) == [{"id": "a"}]


def test_an_exception_of_a_series_is_an_event_of_its_own() -> None:
    one = view([{"id": "s:1", "type": "exception", "seriesMasterId": "s", "subject": "own"}])
    assert one.lacking() == ()
    assert [event["subject"] for event in one.events()] == ["own"]


def test_a_broken_round_goes_on_at_its_page() -> None:
    one = View(1)
    one.take(Page([], "next", ""))
    assert one.link == "next"
    one.take(Page([], "", "delta"))
    assert one.link == "delta"


def test_an_update_of_a_series_may_have_no_more_than_what_changed() -> None:
    one = view(
        [
            {"id": "s", "type": "seriesMaster", "subject": "x"},
            {"id": "s:1", "type": "occurrence", "seriesMasterId": "s"},
        ]
    )
    one.end_round()
    one.take(Page([{"id": "s", "subject": "y"}], "", "delta"))

    assert [(event["id"], event["subject"]) for event in one.events()] == [("s:1", "y")]
