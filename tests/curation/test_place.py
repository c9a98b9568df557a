"""Files that are copied, linked or moved: nothing is written over, nothing is lost."""

import errno
import os
import stat
from pathlib import Path

import pytest

from torch_inception.config import PlacingAction
from torch_inception.curation.place import place


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(b"image")
    os.utime(path, (1000, 1000))
    return path


@pytest.mark.parametrize("action", ["copy", "link", "move"])
def test_the_file_is_there_and_stays_only_where_that_is_told(
    source: Path, tmp_path: Path, action: PlacingAction
) -> None:
    target = place(source, tmp_path / "out" / "cat", action)
    assert target == tmp_path / "out" / "cat" / "a.jpg"
    assert target.read_bytes() == b"image"
    assert target.stat().st_mtime == 1000
    assert source.exists() == (action != "move")
    assert target.is_symlink() == (action == "link")
    assert [each.name for each in target.parent.iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("action", ["copy", "link", "move"])
def test_another_file_of_the_name_keeps_it(
    source: Path, tmp_path: Path, action: PlacingAction
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"other")
    (folder / "a-2.jpg").symlink_to("nowhere")
    assert place(source, folder, action) == folder / "a-3.jpg"
    assert (folder / "a.jpg").read_bytes() == b"other"
    assert (folder / "a-3.jpg").read_bytes() == b"image"


@pytest.mark.parametrize("action", ["copy", "link"])
def test_what_is_there_already_is_not_there_twice(
    source: Path, tmp_path: Path, action: PlacingAction
) -> None:
    first = place(source, tmp_path / "out", action)
    assert place(source, tmp_path / "out", action) == first
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_what_a_link_shows_is_moved_and_not_the_link(source: Path, tmp_path: Path) -> None:
    link = tmp_path / "b.jpg"
    link.symlink_to(Path("in") / "a.jpg")
    assert place(link, tmp_path / "out", "move").read_bytes() == b"image"
    assert source.exists()
    assert not os.path.lexists(link)


def test_a_copy_that_cannot_be_finished_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        place(source, tmp_path / "out", "copy")
    assert list((tmp_path / "out").iterdir()) == []
    assert source.read_bytes() == b"image"


def test_a_file_that_nobody_may_write_to_is_copied_with_its_rights(
    source: Path, tmp_path: Path
) -> None:
    source.chmod(0o444)
    copy = place(source, tmp_path / "into", "copy")
    assert copy.read_bytes() == source.read_bytes()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o444
