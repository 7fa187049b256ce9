"""A file system in memory that knows what a power cut may leave of it.

What POSIX promises and nothing more: content is durable after `fdatasync` of the file, a name after `sync_folder` of
the folder it lies in. Of what came since, each name for itself and each sector of 512 bytes for itself may survive in
any of the versions it had; a size may survive without its content, which then reads as zeros, as on ext4 and f2fs.
A rename may survive as one name, the other, or both. A file whose sync has failed never becomes durable any more,
although later syncs of it succeed: Linux marks its pages clean (fsync(2), "Errors").
"""

import errno
import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.disk import Disk

SECTOR = 512

Hook = Callable[[str], None]


@dataclass
class File:
    """Whole contents, oldest first: the durable one, then one a change; the last is what is read."""

    versions: list[bytes] = field(default_factory=lambda: [b""])
    locked: bool = False
    failed: bool = False
    """a sync of it has failed"""

    def sync(self) -> None:
        if not self.failed:
            del self.versions[:-1]


@dataclass
class Folder:
    """What each name has meant, oldest first: the durable meaning, then one a change; the last holds now."""

    entries: "dict[str, list[File | Folder | None]]" = field(default_factory=dict)

    def now(self, name: str) -> "File | Folder | None":
        return self.entries.get(name, [None])[-1]

    def put(self, name: str, meaning: "File | Folder | None") -> None:
        self.entries.setdefault(name, [None]).append(meaning)

    def sync(self) -> None:
        self.entries = {name: meanings[-1:] for name, meanings in self.entries.items() if meanings[-1] is not None}


@dataclass(frozen=True)
class Fate:
    """What a power cut leaves: `name` and `sector` pick a version by number, `size` a size out of those there were."""

    text: str
    name: Callable[[int], int]
    size: Callable[[Sequence[int]], int]
    sector: Callable[[int, int, int], int]
    """(index of the sector, sectors in the file, versions)"""

    def __str__(self) -> str:
        return self.text


def _first(*_: int) -> int:
    return 0


def _last(*counts: int) -> int:
    return counts[-1] - 1


def _oldest(sizes: Sequence[int]) -> int:
    return sizes[0]


def _newest(sizes: Sequence[int]) -> int:
    return sizes[-1]


def _halfway(sizes: Sequence[int]) -> int:
    return (sizes[0] + sizes[-1]) // 2


LOST = Fate("all is lost", _first, _oldest, _first)
KEPT = Fate("all is kept", _last, _newest, _last)
NAMES = Fate("names without content", _last, _oldest, _first)
ZEROS = Fate("names and sizes without content", _last, _newest, _first)
FATES = (
    LOST,
    KEPT,
    NAMES,
    ZEROS,
    Fate("content without names", _first, _newest, _last),
    Fate("half of each size", _last, _halfway, _last),
    Fate("first sectors", _last, _newest, lambda at, count, versions: versions - 1 if 2 * at < count else 0),
    Fate("last sectors", _last, _newest, lambda at, count, versions: versions - 1 if 2 * at >= count - 1 else 0),
)


def mixed(seed: int) -> Fate:
    """Each name, size and sector as the dice fall."""
    dice = random.Random(seed)  # noqa: S311  dice, not keys
    return Fate(f"mixed {seed}", dice.randrange, dice.choice, lambda _at, _count, versions: dice.randrange(versions))


class SimulatedDisk(Disk):
    """`before` is called with the name of each act before it is done, and may raise in its place."""

    def __init__(self, base: Path, root: Folder | None = None) -> None:
        self._base, self._root = base, root or Folder()
        self._descriptors: dict[int, tuple[File, bool, bool]] = {}
        """file, whether it may be written, whether it holds the lock"""
        self._next = 100
        self.before: Hook = lambda _act: None
        self.free = 1 << 40
        """what `free_bytes` says; nothing counts it down"""

    def crash(self, fate: Fate) -> "SimulatedDisk":
        """The disk as it is found when the power is back; this one goes on as if nothing were."""
        return SimulatedDisk(self._base, _survivor(self._root, fate, {}))

    def copy(self) -> "SimulatedDisk":
        """The same, with all that is not durable yet, and with no descriptor open."""
        return SimulatedDisk(self._base, _copied(self._root, {}))

    def kill(self) -> None:
        """The process is gone, and with it its descriptors and its lock; what it wrote is there."""
        for descriptor in tuple(self._descriptors):
            self.close(descriptor)

    def fingerprint(self) -> int:
        """Equal where two disks read alike."""
        return hash(tuple(_listing(self._root)))

    def mkdir(self, folder: Path) -> None:
        self.before("mkdir")
        parent, name = self._place(folder)
        match parent.now(name):
            case None:
                parent.put(name, Folder())
            case File():
                raise _error(errno.EEXIST)

    def lock(self, path: Path) -> int:
        self.before("lock")
        parent, name = self._place(path)
        if parent.now(name) is None:
            parent.put(name, File())
        file = self._file(path)
        if file.locked:
            raise _error(errno.EWOULDBLOCK)
        file.locked = True
        return self._descriptor(file, writable=True, locked=True)

    def create(self, path: Path) -> int:
        self.before("create")
        parent, name = self._place(path)
        if parent.now(name) is not None:
            raise _error(errno.EEXIST)
        parent.put(name, File())
        return self._descriptor(self._file(path), writable=True)

    def open(self, path: Path, *, writable: bool = False) -> int:
        self.before("open")
        return self._descriptor(self._file(path), writable=writable)

    def close(self, descriptor: int) -> None:
        file, _writable, locked = self._descriptors.pop(descriptor)
        file.locked &= not locked

    def pread(self, descriptor: int, size: int, at: int) -> bytes:
        self.before("pread")
        return self._descriptors[descriptor][0].versions[-1][at : at + size]

    def pwrite(self, descriptor: int, data: bytes | memoryview, at: int) -> int:
        file = self._writable(descriptor)
        try:
            self.before("pwrite")
        except OSError:  # a disk that is full takes what it can before it says so
            _write(file, bytes(data[: len(data) // 2]), at)
            raise
        _write(file, bytes(data), at)
        return len(data)

    def ftruncate(self, descriptor: int, size: int) -> None:
        file = self._writable(descriptor)
        self.before("ftruncate")
        file.versions.append(file.versions[-1][:size].ljust(size, b"\0"))

    def fdatasync(self, descriptor: int) -> None:
        file = self._descriptors[descriptor][0]
        try:
            self.before("fdatasync")
        except OSError:
            file.failed = True
            raise
        file.sync()

    def rename(self, path: Path, target: Path) -> None:
        self.before("rename")
        (parent, name), (new_parent, new_name) = self._place(path), self._place(target)
        meaning = parent.now(name)
        if meaning is None:
            raise _error(errno.ENOENT)
        new_parent.put(new_name, meaning)
        parent.put(name, None)

    def unlink(self, path: Path) -> None:
        self.before("unlink")
        self._file(path)
        parent, name = self._place(path)
        parent.put(name, None)

    def sync_folder(self, folder: Path) -> None:
        self.before("sync_folder")
        self._folder(folder).sync()

    def read(self, path: Path) -> bytes:
        self.before("read")
        return self._file(path).versions[-1]

    def names(self, folder: Path) -> list[str]:
        self.before("names")
        return [name for name, meanings in self._folder(folder).entries.items() if meanings[-1] is not None]

    def size(self, path: Path) -> int:
        self.before("size")
        return len(self._file(path).versions[-1])

    def free_bytes(self, folder: Path) -> int:
        self.before("free_bytes")
        self._folder(folder)
        return self.free

    def _place(self, path: Path) -> tuple[Folder, str]:
        return self._folder(path.parent), path.name

    def _folder(self, path: Path) -> Folder:
        found: File | Folder | None = self._root
        for name in path.parts[len(self._base.parts) :]:
            found = found.now(name) if isinstance(found, Folder) else found
            if not isinstance(found, Folder):
                raise _error(errno.ENOENT if found is None else errno.ENOTDIR)
        assert isinstance(found, Folder)
        return found

    def _file(self, path: Path) -> File:
        parent, name = self._place(path)
        found = parent.now(name)
        if not isinstance(found, File):
            raise _error(errno.ENOENT if found is None else errno.EISDIR)
        return found

    def _descriptor(self, file: File, *, writable: bool, locked: bool = False) -> int:
        self._next += 1
        self._descriptors[self._next] = (file, writable, locked)
        return self._next

    def _writable(self, descriptor: int) -> File:
        file, writable, _locked = self._descriptors[descriptor]
        if not writable:
            raise _error(errno.EBADF)
        return file


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _write(file: File, data: bytes, at: int) -> None:
    old = file.versions[-1]
    file.versions.append(old[:at].ljust(at, b"\0") + data + old[at + len(data) :])


def _survivor(folder: Folder, fate: Fate, known: dict[int, File]) -> Folder:
    after = Folder()
    for name, meanings in folder.entries.items():
        match meanings[fate.name(len(meanings))]:
            case Folder() as inner:
                after.entries[name] = [_survivor(inner, fate, known)]
            case File() as file:
                if id(file) not in known:
                    known[id(file)] = File([_content(file.versions, fate)])
                after.entries[name] = [known[id(file)]]
    return after


def _copied(folder: Folder, known: dict[int, File]) -> Folder:
    def copied(meaning: File | Folder | None) -> File | Folder | None:
        match meaning:
            case File():
                return known.setdefault(id(meaning), File(list(meaning.versions), failed=meaning.failed))
            case Folder():
                return _copied(meaning, known)
        return None

    return Folder({name: [copied(meaning) for meaning in meanings] for name, meanings in folder.entries.items()})


def _content(versions: list[bytes], fate: Fate) -> bytes:
    if len(versions) == 1:
        return versions[0]
    size = fate.size([len(version) for version in versions])
    count = -(-size // SECTOR)
    sectors = []
    for at in range(count):
        here = slice(at * SECTOR, (at + 1) * SECTOR)
        version = versions[fate.sector(at, count, len(versions))]
        sectors.append(version[here].ljust(SECTOR, b"\0"))
    return b"".join(sectors)[:size]


def _listing(folder: Folder, prefix: str = "") -> Iterator[tuple[str, bytes | None]]:
    for name, meanings in sorted(folder.entries.items()):
        match meanings[-1]:
            case Folder() as inner:
                yield f"{prefix}{name}/", None
                yield from _listing(inner, f"{prefix}{name}/")
            case File() as file:
                yield prefix + name, file.versions[-1]
