import difflib
from difflib import get_close_matches

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.nearest import CANDIDATES, KnownNames

NAMES = st.lists(st.text(st.sampled_from("abAB.1_é"), min_size=1, max_size=12), unique_by=str.lower, max_size=40)


@given(names=NAMES, written=st.text(st.sampled_from("abAB.1_é"), max_size=12))
def test_among_few_names_it_is_what_difflib_finds(names: list[str], written: str) -> None:
    by_lower = {name.lower(): name for name in names}
    whole = [by_lower[hit] for hit in get_close_matches(written.lower(), by_lower, n=3, cutoff=0.6)]

    found = KnownNames(names).nearest(written)

    assert list(found[: len(whole)]) == whole
    assert len(found) <= 3


def test_among_ten_thousand_names_the_one_with_two_letters_changed_about_is_found() -> None:
    names = [f"Module{i % 97}.Signal{i}_Temperature" for i in range(10_000)]

    assert KnownNames([*names, "Engine.CoolantTemp"]).nearest("Engine.CoolantTmep")[0] == "Engine.CoolantTemp"
    assert "Module3.Signal2913_Temperature" in KnownNames(names).nearest("Module3.Signal2913_Temperatur")


def test_few_of_many_names_are_compared_letter_by_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []

    def counting(text: str, texts: list[str], *, n: int, cutoff: float) -> list[str]:
        shown.append(len(texts))
        return get_close_matches(text, texts, n=n, cutoff=cutoff)

    known = KnownNames(f"Module.Signal{i}" for i in range(10_000))
    monkeypatch.setattr(difflib, "get_close_matches", counting)
    known.nearest("Module.Signel")

    assert shown == [CANDIDATES, CANDIDATES]


def test_half_a_surrogate_pair_is_a_name_like_others() -> None:
    assert KnownNames(["V\ud800.A"]).nearest("V\ud800.a") == ("V\ud800.A",)
    assert KnownNames(["V.A"]).nearest("\ud800") == ()
