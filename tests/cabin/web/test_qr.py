"""The picture is read as a phone reads it, by a reader that knows nothing of how it was made."""

import re
import string
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from cabin.errors import MessageRejected
from cabin.web.qr import picture_of

SVG = "{http://www.w3.org/2000/svg}"
PIXELS = 3
QUIET = 4
LONGEST = 2953
"""Bytes of the largest QR code, by ISO/IEC 18004."""
IN_A_LINK = string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%"


def drawn(svg: bytes) -> npt.NDArray[np.uint8]:
    """The picture in grey: a field that is white, and lines one high that are black."""
    root = ET.fromstring(svg)  # noqa: S314  our own picture
    ground, lines = root.findall(f"{SVG}path")
    assert (ground.get("fill"), lines.get("stroke")) == ("#fff", "#000")
    size = int(root.get("viewBox", "").split()[2])
    grid = np.full((size, size), 255, np.uint8)
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", lines.get("d", "")):
        first, *more = (float(number) for number in re.findall(r"-?[\d.]+", numbers))
        if command == "h":
            grid[int(y), int(x) : int(x + first)] = 0
            x += first
        else:
            x, y = (first, more[0]) if command == "M" else (x + first, y + more[0])
    return np.kron(grid, np.ones((PIXELS, PIXELS), np.uint8))


def read(svg: bytes) -> list[str]:
    return [one.text for one in zxingcpp.read_barcodes(drawn(svg))]


@given(st.text(IN_A_LINK, min_size=1, max_size=400))
def test_a_phone_reads_the_link_that_was_meant(rest: str) -> None:
    link = f"https://meet.example/{rest}"
    assert read(picture_of(link)) == [link]


def test_the_longest_link_that_an_item_may_have_can_be_read() -> None:
    link = "https://meet.example/".ljust(2000, "a")
    assert read(picture_of(link)) == [link]


def test_a_white_margin_of_four_squares_is_around_it() -> None:
    grid = drawn(picture_of("https://meet.example/1"))
    margin = QUIET * PIXELS
    assert grid[margin, margin] == 0
    assert all((edge == 255).all() for edge in (grid[:margin], grid[-margin:], grid[:, :margin], grid[:, -margin:]))


@pytest.mark.parametrize(
    "link", ["", "tel:+496912345", "WIFI:S:net;;", "http://meet.example", "javascript:0", " https://a"]
)
def test_what_a_camera_would_not_open_as_a_page_is_refused(link: str) -> None:
    with pytest.raises(MessageRejected, match="link: must begin with https://"):
        picture_of(link)


def test_a_scheme_may_be_in_capitals() -> None:
    assert read(picture_of("HTTPS://meet.example/1")) == ["HTTPS://meet.example/1"]


def test_a_link_that_no_code_holds_is_refused() -> None:
    with pytest.raises(MessageRejected, match="link: is too long"):
        picture_of("https://meet.example/".ljust(LONGEST + 1, "a"))
