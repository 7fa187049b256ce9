from pathlib import Path

from tests.faulty.simulated_disk import FATES, KEPT, LOST, SimulatedDisk, mixed

HERE = Path("/disk")
FILE, OTHER = HERE / "file", HERE / "other"
OLD, NEW = b"old" * 400, b"new" * 400


def with_file(content: bytes, *, durable: bool) -> SimulatedDisk:
    disk = SimulatedDisk(HERE)
    descriptor = disk.create(FILE)
    disk.pwrite(descriptor, content, 0)
    if durable:
        disk.fdatasync(descriptor)
        disk.sync_folder(HERE)
    disk.close(descriptor)
    return disk


def overwritten() -> SimulatedDisk:
    disk = with_file(OLD, durable=True)
    disk.pwrite(disk.open(FILE, writable=True), NEW, 0)
    return disk


def outcomes(disk: SimulatedDisk) -> list[dict[str, bytes]]:
    """What may be found, each once: name -> content."""
    found = []
    for fate in (*FATES, *map(mixed, range(60))):
        after = disk.crash(fate)
        contents = {name: after.read(HERE / name) for name in after.names(HERE)}
        if contents not in found:
            found.append(contents)
    return found


def test_what_is_synced_with_its_name_survives_every_power_cut() -> None:
    assert outcomes(with_file(OLD, durable=True)) == [{"file": OLD}]


def test_a_file_that_was_never_synced_may_be_gone_empty_short_or_full_of_zeros() -> None:
    found = outcomes(with_file(OLD, durable=False))

    assert {} in found
    assert all({"file": content} in found for content in (OLD, b"", bytes(1200), OLD[:600]))


def test_a_synced_file_whose_folder_was_not_may_be_gone_and_is_never_torn() -> None:
    disk = with_file(OLD, durable=False)
    disk.fdatasync(disk.open(FILE, writable=True))

    assert sorted(outcomes(disk), key=len) == [{}, {"file": OLD}]


def test_a_write_may_be_torn_between_sectors_in_any_order() -> None:
    found = [contents["file"] for contents in outcomes(overwritten())]

    assert {OLD, NEW, NEW[:512] + OLD[512:], OLD[:512] + NEW[512:1024] + OLD[1024:]} <= set(found)
    assert all(
        content[at : at + 512] in {OLD[at : at + 512], NEW[at : at + 512]} for content in found for at in (0, 512)
    )


def test_a_rename_that_was_not_synced_leaves_the_old_the_new_or_both() -> None:
    disk = with_file(OLD, durable=True)
    descriptor = disk.create(OTHER)
    disk.pwrite(descriptor, NEW, 0)
    disk.fdatasync(descriptor)
    disk.rename(OTHER, FILE)

    assert all(one in outcomes(disk) for one in ({"file": OLD}, {"file": NEW}, {"file": OLD, "other": NEW}))
    assert all(one["file"] in {OLD, NEW} for one in outcomes(disk))


def test_a_rename_that_was_synced_holds_though_its_content_may_not() -> None:
    disk = with_file(OLD, durable=True)
    disk.pwrite(disk.create(OTHER), NEW, 0)
    disk.rename(OTHER, FILE)
    disk.sync_folder(HERE)

    found = outcomes(disk)

    assert all(list(one) == ["file"] for one in found)
    assert {"file": bytes(1200)} in found
    assert {"file": OLD} not in found


def test_a_removed_name_may_come_back_until_its_folder_is_synced() -> None:
    disk = with_file(OLD, durable=True)
    disk.unlink(FILE)
    assert outcomes(disk) == [{"file": OLD}, {}]

    disk.sync_folder(HERE)
    assert outcomes(disk) == [{}]


def test_a_cut_that_was_not_synced_may_leave_the_old_size() -> None:
    disk = with_file(OLD, durable=True)
    descriptor = disk.open(FILE, writable=True)
    disk.ftruncate(descriptor, 100)
    assert all({"file": OLD[:size]} in outcomes(disk) for size in (100, 1200))

    disk.fdatasync(descriptor)
    assert outcomes(disk) == [{"file": OLD[:100]}]


def test_a_folder_that_was_not_synced_into_the_one_above_takes_all_with_it() -> None:
    disk = SimulatedDisk(HERE)
    disk.mkdir(HERE / "folder")
    descriptor = disk.create(HERE / "folder" / "file")
    disk.fdatasync(descriptor)
    disk.sync_folder(HERE / "folder")

    assert disk.crash(LOST).names(HERE) == []
    disk.sync_folder(HERE)
    assert disk.crash(LOST).names(HERE / "folder") == ["file"]


def test_a_file_whose_sync_failed_is_not_durable_although_a_later_sync_succeeds() -> None:
    disk = overwritten()
    descriptor = disk.open(FILE, writable=True)

    def failing(_act: str) -> None:
        raise OSError(5, "Input/output error")

    disk.before = failing
    try:
        disk.fdatasync(descriptor)
    except OSError:
        disk.before = lambda _act: None
    disk.fdatasync(descriptor)

    assert disk.read(FILE) == NEW
    assert {"file": OLD} in outcomes(disk)


def test_a_power_cut_takes_the_lock_and_leaves_the_disk_before_it_as_it_was() -> None:
    disk = with_file(OLD, durable=False)
    disk.lock(HERE / "lock")

    after = disk.crash(KEPT)

    after.lock(HERE / "lock")
    assert disk.names(HERE) == ["file", "lock"]
