"""Rows of several views of an image: the right ones, each computed once."""

from collections.abc import Sequence
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.fakes import CountingEngine, FakeEngine
from torch_inception.errors import ImageError
from torch_inception.features.cached_pass import run_pass
from torch_inception.features.view_pass import ViewedImage, run_view_pass
from torch_inception.images.preprocess import Preprocessing
from torch_inception.images.views import FIXED_VIEWS, ORIGINAL, View


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Save images of one grey each; one is there twice."""
    saved = []
    for number, grey in enumerate((0, 100, 200, 100)):
        saved.append(tmp_path / f"{number}.png")
        Image.new("RGB", (20, 20), (grey, grey, grey)).save(saved[-1])
    return saved


def seen(paths: Sequence[Path], cache: Path, *views: View) -> list[ViewedImage]:
    found = run_pass(FakeEngine(), Preprocessing(), paths, cache=cache)
    return [ViewedImage(p, d, views) for p, d in zip(found.paths, found.digests, strict=True)]


def greys(rows: Tensor) -> list[float]:
    """Return the mean grey of images, 0 to 255, from their rows."""
    return [float(row[row != 0].mean()) * 255 if row.any() else 0.0 for row in rows]


def test_rows_are_those_of_each_image_in_each_view(paths: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    views = (ORIGINAL, View(brightness=0.5), View(size=1.25))
    rows = run_view_pass(FakeEngine(), Preprocessing(), seen(paths, cache, *views), cache=cache)
    # A border to 125 % leaves 16 of 25 parts to the image: the rest is white.
    expected = [each for g in (0, 100, 200, 100) for each in (g, g / 2, (16 * g + 9 * 255) / 25)]
    assert greys(rows.tensor()) == pytest.approx(expected, abs=2)


def test_only_views_that_are_not_cached_are_computed(paths: list[Path], tmp_path: Path) -> None:
    cache, engine = tmp_path / "cache", CountingEngine()
    images = seen(paths, cache, *FIXED_VIEWS[4])
    first = run_view_pass(engine, Preprocessing(), images, cache=cache)
    # Three different images: their originals were computed by the pass before.
    assert engine.images == 3 * 3
    again = run_view_pass(engine, Preprocessing(), images, cache=cache)
    assert engine.images == 3 * 3
    assert torch.equal(first.tensor(), again.tensor())
    more = [image._replace(views=[*image.views, View(left=0.1, size=0.5)]) for image in images]
    run_view_pass(engine, Preprocessing(), more, cache=cache)
    assert engine.images == 3 * 3 + 3


def test_a_file_that_has_changed_is_an_error(paths: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    images = seen(paths, cache, *FIXED_VIEWS[2])
    Image.new("RGB", (20, 20), "red").save(paths[1])
    with pytest.raises(ImageError, match=r"1\.png: changed while it was being read"):
        run_view_pass(FakeEngine(), Preprocessing(), images, cache=cache)


def test_a_cache_that_cannot_be_written_serves_all_the_same(
    paths: list[Path], tmp_path: Path
) -> None:
    images = seen(paths, tmp_path / "cache", *FIXED_VIEWS[2])
    no_folder = tmp_path / "a file"
    no_folder.mkdir()
    no_folder.chmod(0o500)
    try:
        rows = run_view_pass(FakeEngine(), Preprocessing(), images, cache=no_folder)
    finally:
        no_folder.chmod(0o700)
    assert greys(rows.tensor()) == pytest.approx([0, 0, 100, 100, 200, 200, 100, 100], abs=1)
    assert numpy.isfinite(rows.tensor().numpy()).all()
