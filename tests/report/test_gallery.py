"""Thumbnails in the page: each once, as far as there is room, and only of what the run saw."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.drawings import encoded
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.features.image_rows import ReadImage, read_image
from torch_inception.images.preprocess import Preprocessing
from torch_inception.report import gallery as module
from torch_inception.report.gallery import Gallery
from torch_inception.report.results_folder import ResultsFolder


def made(tmp_path: Path, *contents: bytes) -> ResultsFolder:
    """Make a folder of results of images 0.png, 1.png, ..., which lie in its folder `data`."""
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "data").mkdir()
    lines = ["path,label,split,group,sha256"]
    for number, content in enumerate(contents):
        (tmp_path / "data" / f"{number}.png").write_bytes(content)
        lines.append(f"{number}.png,a,train,,{hashlib.sha256(content).hexdigest()}")
    (tmp_path / "splits.csv").write_text("\n".join(lines))
    return ResultsFolder(tmp_path, tmp_path / "data")


def plain(red: int) -> bytes:
    return encoded(Image.new("RGB", (20, 10), (red, 0, 0)))


def test_an_image_is_in_the_page_once(tmp_path: Path) -> None:
    results = made(tmp_path, plain(1), plain(2), plain(1))
    gallery = Gallery(Thumbnails(tmp_path / "cache"), Preprocessing())
    assert [tile.number for tile in gallery.tiles(results, ["0.png", "1.png"])] == [1, 2]
    tiles = gallery.tiles(results, ["2.png", "1.png", "unknown.png"])
    assert [(tile.path, tile.number) for tile in tiles] == [
        ("2.png", 1), ("1.png", 2), ("unknown.png", 0),
    ]  # fmt: skip
    assert len(list(gallery.style())) == 2


def test_the_cache_is_asked_first(tmp_path: Path) -> None:
    results = made(tmp_path, plain(1))
    thumbnails = Thumbnails(tmp_path / "cache")
    thumbnails.add({results.digests["0.png"]: b"from the cache"})
    gallery = Gallery(thumbnails, Preprocessing())
    gallery.tiles(results, ["0.png"])
    assert "ZnJvbSB0aGUgY2FjaGU=" in next(gallery.style())  # in base64


def test_a_file_that_has_changed_or_gone_has_no_thumbnail(tmp_path: Path) -> None:
    results = made(tmp_path, plain(1), plain(2))
    (tmp_path / "data" / "0.png").write_bytes(plain(3))
    (tmp_path / "data" / "1.png").unlink()
    gallery = Gallery(Thumbnails(tmp_path / "cache"), Preprocessing())
    assert [tile.number for tile in gallery.tiles(results, ["0.png", "1.png"])] == [0, 0]


def test_there_is_only_so_much_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = made(tmp_path, *(plain(number) for number in range(6)))
    monkeypatch.setattr(module, "MOST_CHARACTERS", 2000)  # one has some 900
    read: list[Path] = []

    def counted(path: Path, *arguments: Any, **options: Any) -> ReadImage:  # noqa: ANN401
        read.append(path)
        return read_image(path, *arguments, **options)

    monkeypatch.setattr(module, "read_image", counted)
    gallery = Gallery(Thumbnails(tmp_path / "cache"), Preprocessing())
    tiles = gallery.tiles(results, [f"{number}.png" for number in range(6)])
    assert [tile.number for tile in tiles] == [1, 2, 3, 0, 0, 0]
    assert len(read) == 3  # the others would be read for nothing


def test_a_closed_gallery_shows_nothing(tmp_path: Path) -> None:
    gallery = Gallery(None, Preprocessing())
    assert [tile.number for tile in gallery.tiles(made(tmp_path, plain(1)), ["0.png"])] == [0]
    assert list(gallery.style()) == []
