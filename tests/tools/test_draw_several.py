"""`tools.draw_several` draws the same images each time, and tells what is in them."""

import csv
from pathlib import Path

from PIL import Image

from tools.draw_several import MOST_SHAPES, SIDE, main
from tools.draw_shapes.shapes import SHAPES


def test_images_and_their_table(tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert main(["--output", str(tmp_path / name), "--images", "6"]) == 0
    tables = [(tmp_path / name / "labels.csv").read_bytes() for name in ("first", "second")]
    assert tables[0] == tables[1]
    with (tmp_path / "first" / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    counts = set()
    for row in rows:
        labels = row["labels"].split("|")
        assert set(labels) <= set(SHAPES)
        counts.add(len(labels))
        first, second = ((tmp_path / name / row["path"]) for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()
        with Image.open(first) as image:
            assert image.size == (SIDE, SIDE)
    assert counts <= set(range(1, MOST_SHAPES + 1))
    assert len(counts) > 1
