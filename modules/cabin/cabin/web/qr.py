"""A meeting's link as a picture for a phone's camera: the head unit itself never opens it."""

import io
from typing import Final

from cabin.errors import MessageRejected

_OPENED_BY_A_PHONE: Final = "https://"


def picture_of(link: str) -> bytes:
    """SVG with its quiet zone, black on white by day and by night; as wide as it is given room.

    Takes tens of milliseconds for the length of a meeting's link, a second for the longest, so it belongs in a thread.
    Raises MessageRejected for what is no web address, which a camera might dial or join a network by, and for what is
    too long for any QR code.
    """
    import segno  # noqa: PLC0415  a tenth of a start, and few ask for a picture

    if not link.lower().startswith(_OPENED_BY_A_PHONE):
        raise MessageRejected("link", f"must begin with {_OPENED_BY_A_PHONE} to be shown to a phone")
    try:
        code = segno.make_qr(link, error="L")  # a screen is whole: large squares count for more than correction
    except segno.DataOverflowError as error:
        raise MessageRejected("link", "is too long for a QR code") from error
    svg = io.BytesIO()
    code.save(svg, kind="svg", dark="#000", light="#fff", omitsize=True, xmldecl=False, svgclass=None, lineclass=None)
    return svg.getvalue()
