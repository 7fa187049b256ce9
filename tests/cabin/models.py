"""Random models of everything there is to show, for hypothesis."""

from random import Random

from hypothesis import strategies as st

from cabin.records import Answer, Connectivity, Drive, Market, Meeting, Model, Purpose, Tile, TripNow

TEXT = st.text(max_size=200)
SECRET = st.text(alphabet="QXZ", min_size=12, max_size=60)
"""A word that cannot be in a View by chance."""
DRIVES = st.sampled_from(Drive)


def meetings() -> st.SearchStrategy[Meeting]:
    return st.builds(
        Meeting,
        key=st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True),
        profile=st.just("p1"),
        version=st.integers(1, 9),
        start_s=st.integers(1_795_000_000, 1_796_000_000),
        end_s=st.integers(1_796_000_000, 1_797_000_000),
        first_day=st.none(),
        last_day=st.none(),
        title=TEXT | SECRET,
        place=TEXT | SECRET,
        organiser=TEXT | SECRET,
        tel=st.sampled_from(["", "+496936505770"]),
        conference_id=st.sampled_from(["", "123456789"]),
        link=st.sampled_from(["", "https://teams.example/l/meetup-join/QXZQXZ"]),
        show_as=st.just("busy"),
        cancelled=st.booleans(),
        private=st.booleans(),
    )


def tiles() -> st.SearchStrategy[Tile]:
    return st.builds(
        Tile,
        id=st.sampled_from(["speed", "range", "soc"]),
        value=st.none() | st.floats(-1000, 1000),
        unit=st.just("km/h"),
        age_ms=st.none() | st.integers(0, 9000),
        state=st.sampled_from(["live", "old", "gone"]),
        label=st.none(),
    )


def models(drives: st.SearchStrategy[Drive] = DRIVES) -> st.SearchStrategy[Model]:
    return st.builds(
        Model,
        t_ms=st.integers(1_795_000_000_000, 1_796_000_000_000),
        up_ms=st.integers(0, 10**9),
        drive=drives,
        market=st.sampled_from(Market),
        tiles=st.lists(tiles(), max_size=12).map(tuple),
        connectivity=st.builds(
            Connectivity,
            word=st.sampled_from(["online", "offline", "waiting", "agent_gone"]),
            link_up=st.booleans(),
            spooled_batches=st.integers(0, 10**6),
            spooled_bytes=st.integers(0, 10**9),
            delivered_batches=st.integers(0, 10**6),
            lost_batches=st.integers(0, 100),
            metered=st.none() | st.booleans(),
            roaming=st.none() | st.booleans(),
        ),
        meetings=st.lists(meetings(), max_size=12).map(tuple),
        reminder=st.none() | meetings(),
        trip=st.none() | st.just(TripNow(12.4, 21, 15.9)),
        trips=st.just(()),
        private_mode=st.booleans(),
        consent=st.fixed_dictionaries({purpose: st.sampled_from(Answer) for purpose in Purpose}),
        profile=st.just("QXZQXZQXZQXZ"),
        profiles=st.just(("guest", "QXZQXZQXZQXZ")),
        theme=st.sampled_from(["day", "night"]),
        language=st.sampled_from(["en", "de"]),
        dialer=st.sampled_from(["none", "idle", "dialing", "active", "failed"]),
        dialled_key=st.none(),
        has_bridge=st.booleans(),
        missing_roles=st.just(()),
    )


def a_text(by: Random) -> str:
    """With a secret in it."""
    return "".join(by.choices("QXZ ab\n\u202e\U0001f69b", k=by.randrange(60))) + "QXZ"


def a_meeting(by: Random) -> Meeting:
    """One of `meetings` without hypothesis, a hundred times as fast: with secrets in every text."""
    start_s = by.randrange(1_795_000_000, 1_796_000_000)
    return Meeting(
        key=f"k{by.randrange(100)}",
        profile="p1",
        version=1,
        start_s=start_s,
        end_s=start_s + 3600,
        first_day=None,
        last_day=None,
        title=a_text(by),
        place=a_text(by),
        organiser=a_text(by),
        tel=by.choice(["", "+496936505770", a_text(by)]),
        conference_id=by.choice(["", "123456789"]),
        link=by.choice(["", "https://teams.example/l/meetup-join/QXZ"]),
        cancelled=by.random() < 0.1,
    )


def drawn(by: Random) -> Model:
    """One of `models`, likewise, and never parked."""
    number = by.choice([0.0, 53.2, float("nan")])
    return Model(
        t_ms=1_795_366_800_000,
        up_ms=by.randrange(10**9),
        drive=by.choice([Drive.IDLING, Drive.MOVING, Drive.UNKNOWN]),
        market=by.choice(list(Market)),
        tiles=[Tile("speed", number, "km/h", 40, "live")] * by.randrange(12),
        connectivity=Connectivity("waiting", False, 987654, 987654, 0, 0, None, None),  # noqa: FBT003  link_up
        meetings=[a_meeting(by) for _ in range(by.randrange(12))],
        reminder=by.choice([None, a_meeting(by)]),
        trip=TripNow(number, 21, 15.9),
        trips=(),
        private_mode=by.random() < 0.5,
        consent={purpose: by.choice(list(Answer)) for purpose in Purpose},
        profile="QXZQXZ",
        profiles=("guest", "QXZQXZ"),
        theme="day",
        language="en",
        dialer=by.choice(["none", "idle", "dialing"]),
        dialled_key=None,
        has_bridge=True,
        missing_roles=("speed",),
    )
