"""Files to digests: unchanged files are not read, changed ones are, bad ones are named."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from torch_inception.features.cache import digests as digests_room
from torch_inception.features.cache.digests import hash_files, remembered_digests
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.images.read import file_digest

EARLIER, LATER = 10**18, 10**18 + 1

Digests = tuple[dict[Path, bytes], dict[Path, str]]


def content_digests(paths: list[Path], index: FileIndex) -> Digests:
    """Hash what the index does not remember, as the pass does."""
    remembered = remembered_digests(paths, index)
    unknown = [path for path in dict.fromkeys(paths) if path not in remembered]
    hashed, unreadable = hash_files(unknown, index, progress=False)
    return remembered | hashed, unreadable


def make_files(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(b"content %d" % number)
        os.utime(path, ns=(EARLIER, EARLIER))
    return paths


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


@pytest.fixture
def index(tmp_path: Path) -> FileIndex:
    return FileIndex(tmp_path / "cache")


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List the names of the images that are opened."""
    opened: list[str] = []
    original = os.open

    def noted(path: Any, *args: Any, **kwargs: Any) -> int:  # noqa: ANN401
        if str(path).endswith(".png"):
            opened.append(Path(path).name)
        return original(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", noted)
    return opened


def test_every_file_gets_the_sha256_of_its_content(tmp_path: Path, index: FileIndex) -> None:
    paths = make_files(tmp_path, 30)
    digests, unreadable = content_digests(paths, index)
    assert digests == {path: sha256(b"content %d" % i) for i, path in enumerate(paths)}
    assert unreadable == {}


def test_unchanged_files_are_not_read_again(
    tmp_path: Path, index: FileIndex, read_files: list[str]
) -> None:
    paths = make_files(tmp_path, 20)
    read_files.clear()
    first = content_digests(paths, index)
    assert sorted(read_files) == sorted(path.name for path in paths)
    read_files.clear()
    assert content_digests(paths, FileIndex(tmp_path / "cache")) == first
    assert read_files == []


@pytest.mark.parametrize(
    ("content", "modified"),
    [(b"longer content 1", EARLIER), (b"CONTENT 1", LATER), (b"content 1", LATER)],
    ids=["size", "time and content", "time alone"],
)
def test_a_changed_file_is_the_only_one_that_is_read_again(
    content: bytes, modified: int, tmp_path: Path, index: FileIndex, read_files: list[str]
) -> None:
    paths = make_files(tmp_path, 3)
    content_digests(paths, index)
    paths[1].write_bytes(content)
    os.utime(paths[1], ns=(modified, modified))
    read_files.clear()
    digests, _ = content_digests(paths, index)
    assert digests[paths[1]] == sha256(content)
    assert read_files == ["1.png"]


def test_what_cannot_be_read_has_a_reason_and_harms_no_other(
    tmp_path: Path, index: FileIndex
) -> None:
    good = make_files(tmp_path, 2)
    missing, folder = tmp_path / "missing.png", tmp_path
    digests, unreadable = content_digests([missing, *good, folder], index)
    assert set(digests) == set(good)
    assert unreadable == {missing: "no such file", folder: "not a regular file but a folder"}


def test_a_file_that_is_gone_is_not_remembered(tmp_path: Path, index: FileIndex) -> None:
    (path,) = make_files(tmp_path, 1)
    content_digests([path], index)
    path.unlink()
    assert content_digests([path], index) == ({}, {path: "no such file"})
    make_files(tmp_path, 1)
    assert content_digests([path], index)[0] == {path: sha256(b"content 0")}


def test_a_file_that_is_written_while_it_is_read_is_not_trusted(
    tmp_path: Path, index: FileIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = make_files(tmp_path, 1)

    def slow(path: Path) -> bytes:
        digest = file_digest(path)
        path.write_bytes(b"written meanwhile")
        return digest

    with monkeypatch.context() as patch:
        patch.setattr("torch_inception.features.cache.digests.file_digest", slow)
        digests, unreadable = content_digests([path], index)
    assert digests == {}
    assert unreadable == {path: "changed while it was being read"}
    digests, _ = content_digests([path], index)
    assert digests == {path: sha256(b"written meanwhile")}


def test_a_path_that_is_named_twice_is_one_file(tmp_path: Path, index: FileIndex) -> None:
    (path,) = make_files(tmp_path, 1)
    for _ in range(2):
        digests, unreadable = content_digests([path, path], index)
        assert digests == {path: sha256(b"content 0")}
        assert unreadable == {}


def test_nothing_to_hash_is_nothing(index: FileIndex) -> None:
    assert content_digests([], index) == ({}, {})


def test_a_stop_while_hashing_keeps_what_was_hashed_before(
    tmp_path: Path, index: FileIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = make_files(tmp_path, 12)
    portions: list[int] = []

    def stopped(path: Path) -> bytes:
        if path == paths[9]:
            raise KeyboardInterrupt
        return file_digest(path)

    def remember(self: FileIndex, files: list[Any]) -> None:
        portions.append(len(files))
        keep(self, files)

    keep = FileIndex.remember
    with monkeypatch.context() as patch:
        patch.setattr(digests_room, "file_digest", stopped)
        patch.setattr(digests_room, "COMMIT_FILES", 4)
        patch.setattr(FileIndex, "remember", remember)
        with pytest.raises(KeyboardInterrupt):
            hash_files(paths, index, progress=False)
    assert portions[:2] == [4, 4]
    assert list(index.lookup(paths)) == paths[: sum(portions)]
