"""The feature store on disk: what is written comes back, whoever else writes, whatever breaks."""

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy
import pytest

from torch_inception.errors import CacheError
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cache.open_store import open_row_store
from torch_inception.features.cache.row_store import RowStore, StoredRow
from torch_inception.images.facts import ImageFacts
from torch_inception.network import ROW_SIZE
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.system.file_state import FileState, file_state

Rows = dict[bytes, StoredRow]
RECORD_BYTES = 2 * 4096 + 128


def digest(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def make_rows(numbers: range) -> Rows:
    """Make rows whose values tell whose they are."""
    ramp = numpy.arange(ROW_SIZE) % 512
    return {
        digest(number): StoredRow(
            (ramp + number).astype("<f2"),
            ImageFacts(number, 2, "JPEG2000", "I;16B", 0.5, 1.5, number / 4, 2**64 - 1 - number),
        )
        for number in numbers
    }


def state(number: int) -> FileState:
    return FileState(number, number, number, number)


def is_same(found: Rows, wanted: Rows) -> bool:
    return found.keys() == wanted.keys() and all(
        found[key].row.dtype == numpy.float16
        and numpy.array_equal(found[key].row, wanted[key].row)
        and found[key].facts == wanted[key].facts
        for key in wanted
    )


def read(store: RowStore, digests: Sequence[bytes]) -> Rows:
    """Return what the store finds."""
    rows, places = store.look_up(digests)
    records, again = store.records(digests)
    assert again == places
    return {
        key: StoredRow(rows[place].numpy(), ImageFacts(*records["facts"][place].item()))
        for key, place in places.items()
    }


def rows_file(cache: Path) -> Path:
    (file,) = cache.glob("features/*/rows.bin")
    return file


def test_rows_come_back_after_the_store_is_opened_anew(tmp_path: Path) -> None:
    open_row_store(tmp_path, space="net").append(make_rows(range(1200)))
    store = open_row_store(tmp_path, space="net")
    assert len(store) == 1200
    assert is_same(read(store, [digest(i) for i in range(1200)]), make_rows(range(1200)))
    assert rows_file(tmp_path).stat().st_size == 1200 * RECORD_BYTES


def test_what_is_not_there_is_left_out_and_repeats_are_one(tmp_path: Path) -> None:
    store = open_row_store(tmp_path, space="net")
    assert store.find([digest(1)]) == set()
    store.append(make_rows(range(2)))
    wanted = [digest(7), digest(1), digest(1), digest(0)]
    assert is_same(read(store, wanted), make_rows(range(2)))
    assert store.find([]) == set()


def test_every_space_has_rows_of_its_own(tmp_path: Path) -> None:
    one, other = (
        open_row_store(tmp_path, space="net squash"),
        open_row_store(tmp_path, space="net crop"),
    )
    one.append(make_rows(range(3)))
    assert len(other) == 0
    assert other.find([digest(0)]) == set()


def test_appending_nothing_or_the_same_again_adds_nothing(tmp_path: Path) -> None:
    store = open_row_store(tmp_path, space="net")
    store.append({})
    store.append(make_rows(range(5)))
    store.append(make_rows(range(3, 8)))
    assert len(store) == 8
    assert rows_file(tmp_path).stat().st_size == 8 * RECORD_BYTES
    assert is_same(read(store, [digest(i) for i in range(8)]), make_rows(range(8)))


def test_two_stores_that_are_open_at_once_see_each_others_rows(tmp_path: Path) -> None:
    first, second = open_row_store(tmp_path, space="net"), open_row_store(tmp_path, space="net")
    first.append(make_rows(range(4)))
    second.append(make_rows(range(2, 6)))
    first.append(make_rows(range(5, 9)))
    for store in (first, second):
        assert len(store) == 9
        assert is_same(read(store, [digest(i) for i in range(9)]), make_rows(range(9)))


def append_many(folder: str, start: int, all_ready: Barrier) -> None:
    """Append 60 rows, a few at a time; run by several processes."""
    all_ready.wait(timeout=120)
    store = open_row_store(Path(folder), space="net")
    for first in range(start, start + 60, 6):
        store.append(make_rows(range(first, first + 6)))
        FileIndex(Path(folder)).remember([(Path(f"/{first}"), state(first), digest(first))])


def test_several_processes_append_overlapping_rows_at_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    all_ready = spawn.Barrier(3)
    jobs = [(str(tmp_path), 20 * number, all_ready) for number in range(3)]
    processes = [spawn.Process(target=append_many, args=job) for job in jobs[1:]]
    for process in processes:
        process.start()
    append_many(*jobs[0])
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    store = open_row_store(tmp_path, space="net")
    assert len(store) == 100
    assert is_same(read(store, [digest(i) for i in range(100)]), make_rows(range(100)))
    assert rows_file(tmp_path).stat().st_size == 100 * RECORD_BYTES


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[2 * RECORD_BYTES + 5] ^= 1
    file.write_bytes(content)


def cut_short(file: Path) -> None:
    os.truncate(file, 2 * RECORD_BYTES + 100)


def cut_off_all(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize(
    ("damage", "lost"), [(flip_a_bit, {2}), (cut_short, {2, 3, 4}), (cut_off_all, set(range(5)))]
)
def test_damaged_rows_are_ignored_and_written_anew(
    damage: Callable[[Path], None], lost: set[int], tmp_path: Path
) -> None:
    store = open_row_store(tmp_path, space="net")
    store.append(make_rows(range(5)))
    damage(rows_file(tmp_path))
    everything = [digest(i) for i in range(5)]
    assert store.find(everything) == {digest(i) for i in range(5) if i not in lost}
    store.append(make_rows(range(5)))
    assert is_same(read(open_row_store(tmp_path, space="net"), everything), make_rows(range(5)))
    assert len(store) == 5


def test_a_writer_that_fails_leaves_the_store_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    store = open_row_store(tmp_path, space="net")
    store.append(make_rows(range(2)))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CacheError, match=f"No space left on device.*{CACHE_VARIABLE}"):
            store.append(make_rows(range(2, 4)))
    assert store.find([digest(i) for i in range(4)]) == {digest(0), digest(1)}
    store.append(make_rows(range(2, 4)))
    assert is_same(read(store, [digest(i) for i in range(4)]), make_rows(range(4)))


def test_files_that_are_remembered_come_back(tmp_path: Path) -> None:
    paths = [
        tmp_path / name for name in ("a.png", "sp ace ä.png", "new\nline.png", "caf\udce9.png")
    ]
    files = []
    for number, path in enumerate(paths):
        path.write_bytes(b"content")
        found = file_state(path)
        assert found is not None
        files.append((path, found, digest(number)))
    FileIndex(tmp_path / "cache").remember(files)
    known = FileIndex(tmp_path / "cache").unchanged([tmp_path / "other", *paths])
    assert known == {path: digest(number) for number, path in enumerate(paths)}


def test_the_last_state_of_a_file_is_the_one_that_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").touch()
    now = file_state(tmp_path / "a")
    assert now is not None
    index, other = FileIndex(tmp_path / "cache"), FileIndex(tmp_path / "cache")
    index.remember([(Path("a"), state(1), digest(1))])
    assert index.unchanged([Path("a")]) == {}
    other.remember([(tmp_path / "a", now, digest(2))])
    assert index.unchanged([Path("a")]) == {Path("a"): digest(2)}


def test_more_files_than_one_statement_can_name(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    paths = [tmp_path / f"{number}" for number in range(1100)]
    for path in paths:
        path.hardlink_to(tmp_path / "a")
    found = file_state(paths[0])
    assert found is not None
    index = FileIndex(tmp_path / "cache")
    index.remember([(path, found, digest(0)) for path in paths])
    assert len(index.unchanged(paths)) == 1100


def test_the_state_of_a_file_tells_it_from_others_of_its_size_and_time(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    for path in (one, other):
        path.write_bytes(b"12345")
        os.utime(path, ns=(0, 1_234_567_890_123_456_700))
    states = file_state(one), file_state(other)
    assert states[0] is not None
    assert states[1] is not None
    assert states[0][:2] == states[1][:2] == (5, 1_234_567_890_123_456_700)
    assert states[0] != states[1]
    assert file_state(tmp_path) is None
    assert file_state(tmp_path / "missing") is None


def test_a_file_may_have_a_number_of_64_bits(tmp_path: Path) -> None:
    index = FileIndex(tmp_path)
    index.remember([(Path("/a"), FileState(1, 1, 1, 2**64 - 1), digest(1))])


@pytest.mark.parametrize("kind", [FileIndex, RowStore])
def test_a_place_that_cannot_be_used_is_a_cache_error_with_the_cure(
    kind: type[FileIndex | RowStore], tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    folder.write_bytes(b"")
    with pytest.raises(CacheError, match=CACHE_VARIABLE) as caught:
        kind(folder)
    assert str(folder) in str(caught.value)


def test_rows_that_cannot_be_opened_are_a_cache_error_too(tmp_path: Path) -> None:
    store = RowStore(tmp_path)
    (tmp_path / "rows.bin").mkdir()
    with pytest.raises(CacheError, match=CACHE_VARIABLE):
        store.append(make_rows(range(1)))
    assert len(store) == 0
