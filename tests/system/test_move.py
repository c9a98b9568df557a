"""Files are moved whole, also to what is another disk."""

import errno
import os
from pathlib import Path

import pytest

from torch_inception.system.move import free_name, move_file


@pytest.fixture(params=[False, True])
def other_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no file be renamed into another folder, as on two disks."""
    rename = Path.rename

    def refused(self: Path, target: Path) -> Path:
        if self.parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    if request.param:
        monkeypatch.setattr(Path, "rename", refused)


@pytest.mark.usefixtures("other_disk")
def test_files_and_links_are_moved(tmp_path: Path) -> None:
    source, link = tmp_path / "a.jpg", tmp_path / "link.jpg"
    source.write_bytes(b"image")
    os.utime(source, (1, 1))
    link.symlink_to("a.jpg")
    move_file(source, tmp_path / "away" / "below" / "a.jpg")
    move_file(link, tmp_path / "away" / "link.jpg")
    moved = tmp_path / "away" / "below" / "a.jpg"
    assert (moved.read_bytes(), moved.stat().st_mtime) == (b"image", 1)
    assert (tmp_path / "away" / "link.jpg").readlink() == Path("../a.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["away"]


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    assert free_name(tmp_path / "a.jpg") == tmp_path / "a.jpg"
    (tmp_path / "a.jpg").touch()
    (tmp_path / "a-2.jpg").symlink_to("nowhere")
    assert free_name(tmp_path / "a.jpg") == tmp_path / "a-3.jpg"
