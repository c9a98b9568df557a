"""Files are written whole or not at all."""

import stat
import sys
from pathlib import Path

import pytest

from torch_inception.system.atomic import atomic_file, temporary_folder


def test_an_atomic_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("existing", [None, b"as it was"])
def test_a_failure_leaves_what_was_there_and_nothing_else(
    error: type[BaseException], existing: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    if existing is not None:
        path.write_bytes(existing)
    with pytest.raises(error), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise error
    assert [file.read_bytes() for file in tmp_path.iterdir()] == (
        [] if existing is None else [existing]
    )


def test_a_file_that_cannot_take_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="file"), atomic_file(tmp_path / "file") as temporary:
        temporary.write_text("whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_folder_beside_those_of_others_is_for_its_owner_alone(tmp_path: Path) -> None:
    with temporary_folder(tmp_path / "rows", mode=0o700) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(tmp_path.iterdir()) == []
