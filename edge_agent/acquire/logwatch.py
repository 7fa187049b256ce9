"""What is known about a log file while python-can reads it, so that no fault passes in silence."""

import io
import logging
import re
import threading
from typing import Self

import can
from can.io.generic import MessageReader

from edge_agent.acquire.timestamps import seconds_ns

_FRAME_LIKE = re.compile(r"\s*\(?\d+[.,:)\s]")
_CANDUMP_ERROR = re.compile(r"\s[23][0-9A-Fa-f]{7}#")
"""CAN_ERR_FLAG is bit 29: candump prints such an id as 20000000 or more, which no 29-bit id reaches."""
_ASC_DATE = re.compile(r"^(\s*(?:date|begin\s+triggerblock)\s+\w+),", re.IGNORECASE)
_ASC_RELATIVE = re.compile(r"\s*base\s+\w+\s+timestamps\s+relative", re.IGNORECASE)
_ASC_TIME = re.compile(r"\s*(\d+\.\d+)\s", re.ASCII)
_BLF_OBJECT_HEADER = 16
_BLF_PADDING = 3


class MalformedLog(ValueError):  # noqa: N818  named for what it says of the file
    """What is wrong with a frame, in words of our own."""


class Watch:
    """What is known about a file while python-can reads it; nothing, for a database."""

    error_frame = False

    def place(self) -> str:
        """Where the reader is, to begin a sentence with."""
        return ""

    def frame_given(self) -> None:
        """What was read last was a frame."""

    def raise_if_cut(self, reader: MessageReader) -> None:
        """Raise EOFError when the reader ended before the log did."""


class Lines(io.TextIOWrapper, Watch):
    """A text log's lines, counted; empty ones are left out, as some readers stumble over them."""

    def __init__(self, stream: io.BufferedReader) -> None:
        super().__init__(stream, encoding="utf-8-sig", errors="replace")
        self.error_frame = False
        self.line = ""
        """the one read last"""
        self._number = 0
        self._gave_frame = False

    def __next__(self) -> str:  # type: ignore[override]  # the stubs' common root has bytes, TextIOWrapper has str
        line = super().__next__()
        self._number += 1
        while not line.strip():
            line = super().__next__()
            self._number += 1
        self.line = line
        self._gave_frame = False
        self.error_frame = bool(_CANDUMP_ERROR.search(line))
        return line

    def place(self) -> str:
        """The line's number."""
        return f"line {self._number}: "

    def frame_given(self) -> None:
        """The line read last was a frame."""
        self._gave_frame = True

    def raise_if_cut(self, reader: MessageReader) -> None:
        """Raise EOFError when the last line has no end, begins like a frame and was none."""
        del reader
        if not self._gave_frame and not self.line.endswith("\n") and _FRAME_LIKE.match(self.line):
            raise EOFError("the last line is not whole")


class AscLines(Lines):
    """An .asc log's lines, and what their times count from.

    asc.py drops the line that ends its header, even when it is a frame: an empty line ends it as well.
    A comma in a date ends it too, before what the times count from, so it is left out here.
    asc.py takes every time for one since the start of the measurement; with `timestamps relative` in the header
    each counts from the line before it, be that a frame or another event.
    """

    def __init__(self, stream: io.BufferedReader) -> None:
        super().__init__(stream)
        self.before_ns = 0
        """from the start of the measurement to what the last line's time counts from"""
        self._relative = False
        self._step_ns = 0
        self._in_header = True
        self._put_back: str | None = None

    def __next__(self) -> str:  # type: ignore[override]  # as above
        if self._put_back is not None:
            line, self._put_back = self._put_back, None
            return line
        line = super().__next__()
        if self._in_header and _FRAME_LIKE.match(line):
            self._in_header = False
            self._put_back = line
            line = "\n"
        elif self._in_header:
            self._relative |= bool(_ASC_RELATIVE.match(line))
            line = _ASC_DATE.sub(r"\1", line)
        if self._relative and (time := _ASC_TIME.match(self.line)):
            self.before_ns += self._step_ns
            self._step_ns = seconds_ns(time[1])
        return line


class WholeReads(io.BufferedReader, Watch):
    """A binary log that does not take a part of an object for the whole."""

    def __init__(self, raw: io.BufferedReader) -> None:
        super().__init__(raw)
        self._taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes. Raises EOFError where an object is cut.

        An object's header of 16 bytes may be missing whole, at the end, and its padding of up to 3 bytes.
        """
        data = super().read(size)
        self._taken += len(data)
        wanted = size or 0
        at_end = not data and wanted == _BLF_OBJECT_HEADER
        if wanted > _BLF_PADDING and len(data) < wanted and not at_end:
            raise EOFError("it ends inside an object")
        return data

    def raise_if_cut(self, reader: MessageReader) -> None:
        """Raise EOFError when the file is shorter than its header says; a recorder that crashed left 0 there."""
        announced = reader.file_size if isinstance(reader, can.BLFReader) else 0
        if self._taken < announced:
            raise EOFError(f"its header says {announced} bytes, it has {self._taken}")


class Complaints(logging.Handler):
    """Turns warnings of python-can's readers, on this thread, into MalformedLog: some faults it only logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self._logger = logging.getLogger("can.io")

    def emit(self, record: logging.LogRecord) -> None:
        """Raise at the place of the warning, out of the reader that gave it."""
        if record.thread == self._thread:
            raise MalformedLog(record.getMessage())

    def __enter__(self) -> Self:
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
