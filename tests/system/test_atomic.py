"""Files are written whole or not at all."""

import csv
import json
import os
import stat
from pathlib import Path

import pytest

from torch_inception.system.atomic import atomic_file, write_csv, write_json, write_text


def test_an_atomic_file_appears_whole_with_usual_permissions(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


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


def test_the_mask_of_permissions_is_as_it_was(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "file"):
            pass
        assert os.umask(0o027) == 0o027
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    finally:
        os.umask(before)


def test_a_table_keeps_every_cell(tmp_path: Path) -> None:
    cells = ["plain", 'a "quoted", name', "two\nlines", "круг", "tab\t", ""]
    write_csv(tmp_path / "t.csv", ("name", "number"), [(cell, i) for i, cell in enumerate(cells)])
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["name", "number"], *([cell, str(i)] for i, cell in enumerate(cells))]


def test_what_is_not_text_is_escaped(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", ("path",), [("caf\udce9",)])
    write_text(tmp_path / "t.txt", "caf\udce9\n")
    write_json(tmp_path / "t.json", {"path": "caf\udce9"})
    assert (tmp_path / "t.csv").read_bytes() == b"path\r\ncaf\\udce9\r\n"
    assert (tmp_path / "t.txt").read_bytes() == b"caf\\udce9\n"
    assert json.loads((tmp_path / "t.json").read_bytes()) == {"path": "caf\udce9"}


def test_json_keeps_other_scripts_readable_and_refuses_what_is_no_number(tmp_path: Path) -> None:
    write_json(tmp_path / "t.json", {"круг": [1, None, 0.5]})
    assert "круг" in (tmp_path / "t.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "t.json").read_bytes()) == {"круг": [1, None, 0.5]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "t.json", {"loss": float("nan")})
