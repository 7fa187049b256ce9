"""The door to python-can's log readers: a log ends at its end, or with LogRefused.

What python-can 4.6.1 passes over in silence is made loud, or right, here:

    a .blf cut inside a container, or shorter than its header says, ends quietly    `WholeReads`
    a .trc line with too few columns is only logged                                 `Complaints`
    a last text line that was cut before it could be taken for a frame is skipped   `Lines.raise_if_cut`
    a text frame cut inside its data comes out shorter                              `_checked`
    the first frame of an .asc file with a short header is swallowed                `AscLines`
    a candump error frame without the bus-error bit comes out as a data frame       `Lines.error_frame`
    a .db that does not exist is created                                            `_opened`
    every time becomes a float64 since the epoch, which ends at 0.24 us             `_time_of`
    an .asc's times are not added to its date, and each is taken for absolute       `_AscReader`, `AscLines`
    an .asc's date with a comma in it ends its header, before what it counts from   `AscLines`
    a .trc's last line of a header without frames is taken for a frame              `_TrcReader`

An .mf4 whose recorder lost its power says of itself that it was never finished: it ends where it ends.
"""

import errno
import gzip
import io
import os
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, suppress
from email.utils import parsedate_to_datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Final

import can
from can.io.generic import MessageReader
from can.io.player import MESSAGE_READERS
from can.util import dlc2len

from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, Frame
from edge_agent.acquire.logwatch import AscLines, Complaints, Lines, MalformedLog, Watch, WholeReads
from edge_agent.acquire.pythoncan import frame_of
from edge_agent.acquire.timestamps import (
    MICROSECOND_NS,
    MILLISECOND_NS,
    SECOND_NS,
    aligned_ns,
    float_ns,
    milliseconds_ns,
    seconds_ns,
    since_epoch_ns,
)
from edge_agent.errors import LogRefused
from edge_agent.records import FrameFlag

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SUFFIXES: Final = (".log", ".asc", ".blf", ".trc", ".csv", ".db", ".mf4")
BY_PATH: Final = (".db", ".mf4")
"""opened by their own libraries, which take no stream or would read all of it into memory"""
_WATCHES: Final[dict[str, Callable[[io.BufferedReader], Lines | WholeReads]]] = {".asc": AscLines, ".blf": WholeReads}

_END_NS = 2**63
"""of what an int64 holds: the year 2262"""

TimeOf = Callable[[can.Message], int]
"""the time of the frame read last, in nanoseconds"""


class _AscReader(can.ASCReader):
    """Counts from 0 where nobody understands the log's date, as where it has none.

    A date as in mail and HTTP says its zone: `Thu, 09 Nov 2023 20:29:27 GMT`.
    """

    @staticmethod
    def _datetime_to_timestamp(datetime_string: str) -> float:
        for read in (can.ASCReader._datetime_to_timestamp, _mail_time):  # noqa: SLF001  what it overrides
            with suppress(ValueError, OverflowError):
                return read(datetime_string)
        return 0.0


def _mail_time(text: str) -> float:
    """Seconds since the Unix epoch. Raises ValueError."""
    return parsedate_to_datetime(text).timestamp()


class _TrcReader(can.TRCReader):
    """Finds no frame in a header, of which python-can takes the last line for one."""

    def _parse_line(self, line: str) -> can.Message | None:
        return None if not line or line.startswith(";") else super()._parse_line(line)


class _Unzipped(gzip.GzipFile):
    """Gives all that came before a cut: GzipFile itself keeps up to 8 KB for itself when it finds the end missing."""

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """As many bytes as are there, at least one before the end."""
        room = memoryview(buffer).cast("B")
        data = self.read1(len(room))
        room[: len(data)] = data
        return len(data)


_READERS: Final[dict[str, type[MessageReader]]] = MESSAGE_READERS | {".asc": _AscReader, ".trc": _TrcReader}

_WRITERS: Final = {
    ".log": "candump -L writes a .log",
    ".asc": "Vector's tools write an .asc",
    ".trc": "PEAK's tools write a .trc",
    ".csv": "python-can writes a .csv (timestamp,arbitration_id,extended,remote,error,dlc,data)",
}
"""what a line of a text log is to be like"""


def read_log(
    path: Path, channels: Mapping[str, int] | None = None, counts: Counter[str] | None = None
) -> Generator[Frame, None, None]:
    """Frames of a log in file order: candump .log, .asc, .blf, .trc or .csv, plain or as .gz; .db; .mf4.

    An .mf4 needs asammdf, which is an extra (`edge-agent[mf4]`): it has no place in a vehicle.

    `channels` gives the bus of each of the log's channels; frames of others are left out. Without it all are
    of bus 0. `counts` is told the channel of each frame given.

    Raises LogRefused for a log that cannot be read, or not beyond a point, or has no frame.

    Times are the file's own, to its last digit or to the nanosecond: text as it is written, .blf and .mf4 as their
    nanoseconds since the start of the measurement (for 97 days of it). To the microsecond are a .trc's start, a
    float64 of days, and all of a .db, float64 seconds since the epoch. An .asc's start, where it names no zone, is in
    the local time of whoever recorded it, and is read as this machine's; without a date its times count from 0.

    The file is open until the iterator is exhausted or closed; iterate on one thread.
    """
    frames_read = 0
    passed_over: set[str] = set()
    watch = Watch()
    # The readers parse without checking and document no exception: whatever leaves them (ValueError, IndexError,
    # struct.error, zlib.error, sqlite3.Error, ...) says that the file is not what its suffix promises.
    try:
        with ExitStack() as stack:
            watch, reader = _opened(path, stack)
            time_of = _time_of(reader, watch)
            stack.enter_context(Complaints())
            for message in reader:
                bus = 0 if channels is None else channels.get(str(message.channel))
                frame = _checked(message, time_of, 0 if bus is None else bus, error_frame=watch.error_frame)
                watch.frame_given()
                if bus is None:
                    passed_over.add(str(message.channel))
                    continue
                frames_read += 1
                if counts is not None:
                    counts[str(message.channel)] += 1
                yield frame
            watch.raise_if_cut(reader)
    except Exception as error:
        raise LogRefused(str(path), _sentence(error, watch, _suffix(path)), frames_read) from error
    if not frames_read:
        raise LogRefused(str(path), _nothing(channels, passed_over))


def _is_zipped(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _suffix(path: Path) -> str:
    """The one that says the format."""
    return (path.with_suffix("") if _is_zipped(path) else path).suffix.lower()


def _opened(path: Path, stack: ExitStack) -> tuple[Watch, MessageReader]:
    """The reader for the suffix, over a watched stream; both are closed with the stack."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    zipped, suffix = _is_zipped(path), _suffix(path)
    if suffix not in SUFFIXES or (zipped and suffix in BY_PATH):
        raise MalformedLog(f"no known log format: {suffix or 'no suffix'}, known are {' '.join(SUFFIXES)}")
    reader_type = _READERS[suffix]
    file: io.FileIO | gzip.GzipFile = _Unzipped(path) if zipped else io.FileIO(path)
    stack.enter_context(file)
    if suffix in BY_PATH:
        return Watch(), stack.enter_context(_opened_by_path(reader_type, path))
    stream: io.BufferedReader = io.BufferedReader(file)
    watch = _WATCHES.get(suffix, Lines)(stream)
    stack.enter_context(watch)
    # Only the .asc reader looks at `relative_timestamp`: its times count from the date in its header.
    reader = reader_type(watch, relative_timestamp=False)  # type: ignore[arg-type]  # typed for paths, takes streams
    return watch, stack.enter_context(reader)


def _opened_by_path(reader_type: type[MessageReader], path: Path) -> MessageReader:
    try:
        return reader_type(path)
    except NotImplementedError as error:  # python-can's word for: asammdf is not installed
        raise MalformedLog(f"{path.suffix} logs need asammdf: pip install 'edge-agent[mf4]'") from error


def _time_of(reader: MessageReader, watch: Watch) -> TimeOf:
    """How the format says when a frame was: a number in its line, or a float small enough to be exact."""
    if isinstance(watch, Lines):
        return _time_in_line(reader, watch)
    if isinstance(reader, can.BLFReader):
        return _since(_start_of_blf(reader))
    if isinstance(reader, can.MF4Reader):
        return _since(_start_of_mf4(reader))
    return lambda message: since_epoch_ns(message.timestamp)


def _time_in_line(reader: MessageReader, lines: Lines) -> TimeOf:
    """The number in the line, and the start of the measurement where it counts from that."""
    match reader, lines:
        case can.CSVReader(), _:
            return lambda _: seconds_ns(lines.line.split(",", 1)[0])
        case can.TRCReader(), _:
            return lambda message: _trc_ns(reader, lines.line, message.timestamp)
        case can.ASCReader(), AscLines():
            return lambda _: (
                since_epoch_ns(reader.start_time) + lines.before_ns + seconds_ns(lines.line.split(None, 1)[0])
            )
    return lambda _: seconds_ns(lines.line.split(None, 1)[0][1:-1])


def _trc_ns(reader: can.TRCReader, line: str, rounded_s: float) -> int:
    """The line's milliseconds, plus the start: python-can adds it as a float, but it is whole microseconds."""
    column = reader.columns.get("O", 1)  # before version 2 no line names the columns
    own_ns = milliseconds_ns(line.split(None, column + 1)[column])
    return aligned_ns(float_ns(rounded_s), own_ns, MICROSECOND_NS)


def _since(start_ns: int) -> TimeOf:
    return lambda message: start_ns + float_ns(message.timestamp)


def _start_of_blf(reader: can.BLFReader) -> int:
    """The start of the measurement, milliseconds in the file; from here on the reader's times count from it."""
    start_s, reader.start_timestamp = reader.start_timestamp, 0.0
    return round(start_s * 1000) * MILLISECOND_NS


def _start_of_mf4(reader: can.MF4Reader) -> int:
    """The start, nanoseconds of UTC or of local time; from here on the reader's times count from it."""
    own_ns = reader._mdf.header.abs_time  # noqa: SLF001  the reader shows neither
    start_s, reader._start_timestamp = reader._start_timestamp, 0.0  # noqa: SLF001
    return aligned_ns(float_ns(start_s), own_ns, SECOND_NS)


def _checked(message: can.Message, time_of: TimeOf, bus: int, *, error_frame: bool) -> Frame:
    """The frame of a message, when its fields can be a frame's."""
    t_ns = time_of(message) if isfinite(message.timestamp) else _END_NS
    if not -_END_NS <= t_ns < _END_NS:
        raise MalformedLog(f"{message.timestamp} is no time")
    if not 0 <= message.arbitration_id <= (0x1FFF_FFFF if message.is_extended_id else 0x7FF):
        raise MalformedLog(f"{message.arbitration_id:X} is no arbitration id")
    if not error_frame and not message.is_error_frame:
        _check_length(message)
    frame = frame_of(message, bus, t_ns)
    if error_frame:
        return frame._replace(flags=frame.flags | FrameFlag.ERROR.value)
    return frame


def _check_length(message: can.Message) -> None:
    """A frame cut inside its data has fewer bytes than it says, or half a byte too many."""
    size, longest = len(message.data), FD_BYTES if message.is_fd else CLASSIC_BYTES
    if size > longest:
        raise MalformedLog(f"{size} data bytes, at most {longest} fit the frame")
    # The .trc reader gives CAN FD's length code where the others give bytes; a classic code above 8 means 8.
    announced = (message.dlc, dlc2len(message.dlc)) if message.is_fd else (min(message.dlc, CLASSIC_BYTES),)
    if not message.is_remote_frame and size not in announced:
        raise MalformedLog(f"{size} data bytes where {message.dlc} are announced")


def _sentence(error: Exception, watch: Watch, suffix: str) -> str:
    """What is wrong with the file, and where."""
    if isinstance(error, EOFError):
        return f"the file is cut off: {error}"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, MalformedLog):
        return f"{watch.place()}{error}"
    if suffix in _WRITERS and not isinstance(error, zlib.error):
        return f"{watch.place()}not as {_WRITERS[suffix]}"
    return f"{watch.place()}not as its format says ({type(error).__name__}: {error})"


def _nothing(channels: Mapping[str, int] | None, passed_over: set[str]) -> str:
    """Why a log that was read to its end gave nothing."""
    if channels is not None and passed_over:
        return f"no frame is of the channels {', '.join(channels)}; the log has {', '.join(sorted(passed_over))}"
    return "no frame in it"
