"""Tables, JSON and text keep what was given, whatever characters it has."""

import csv
import json
from pathlib import Path

import pytest

from torch_inception.system.write import exact, write_csv, write_json, write_text


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
    assert exact((tmp_path / "t.csv").read_text()) == "path\ncaf\udce9\n"
    assert (tmp_path / "t.txt").read_bytes() == b"caf\\udce9\n"
    assert json.loads((tmp_path / "t.json").read_bytes()) == {"path": "caf\udce9"}


def test_json_keeps_other_scripts_readable_and_refuses_what_is_no_number(tmp_path: Path) -> None:
    write_json(tmp_path / "t.json", {"круг": [1, None, 0.5]})
    assert "круг" in (tmp_path / "t.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "t.json").read_bytes()) == {"круг": [1, None, 0.5]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "t.json", {"loss": float("nan")})
