"""Rows of several views of an image: the right ones, each computed once."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import CountingEngine, FakeEngine
from torch_inception.engines.protocol import Rows
from torch_inception.errors import WeightsError
from torch_inception.features.cached_pass import run_pass
from torch_inception.features.view_pass import ViewedImage, run_view_pass
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.images.views import FIXED_VIEWS, ORIGINAL, View


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Save images of one grey each; one is there twice."""
    saved = []
    for number, grey in enumerate((0, 100, 200, 100)):
        saved.append(tmp_path / f"{number}.png")
        Image.new("RGB", (20, 20), (grey, grey, grey)).save(saved[-1])
    return saved


class Seen:
    """Images after the first pass, to be looked at in several ways."""

    def __init__(self, paths: Sequence[Path], cache: Path) -> None:
        self.found = run_pass(FakeEngine(), Preprocessing(), paths, cache=cache)

    def greys(self, *views: View, engine: FakeEngine | None = None) -> list[float]:
        """Return the mean grey, 0 to 255, of each view of each image."""
        images = [
            ViewedImage(path, digest, views)
            for path, digest in zip(self.found.paths, self.found.digests, strict=True)
        ]
        rows = run_view_pass(
            engine or FakeEngine(), Preprocessing(), images, store=self.found.store
        )
        return [float(row[0]) * 255 for row in rows.tensor()]


def test_rows_are_those_of_each_image_in_each_view(paths: list[Path], tmp_path: Path) -> None:
    found = Seen(paths, tmp_path / "cache").greys(ORIGINAL, View(brightness=0.5), View(scale=1.25))
    # A border to 125 % leaves 16 of 25 parts to the image: the rest is white.
    expected = [each for g in (0, 100, 200, 100) for each in (g, g / 2, (16 * g + 9 * 255) / 25)]
    assert found == pytest.approx(expected, abs=2)


def test_only_views_that_are_not_stored_are_computed(paths: list[Path], tmp_path: Path) -> None:
    seen, engine = Seen(paths, tmp_path / "cache"), CountingEngine()
    first = seen.greys(*FIXED_VIEWS[4], engine=engine)
    # Three different images: their originals were computed by the pass before.
    assert engine.images == 3 * 3
    assert seen.greys(*FIXED_VIEWS[4], engine=engine) == first
    again = Seen(paths, tmp_path / "cache")
    assert again.greys(*FIXED_VIEWS[4], engine=engine) == first
    assert engine.images == 3 * 3
    again.greys(
        *FIXED_VIEWS[4], View(left=0.1, scale=0.5), View(left=0.1, scale=0.5), engine=engine
    )
    assert engine.images == 3 * 3 + 3


def test_an_image_that_has_changed_is_seen_as_it_was_and_told_of(
    paths: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Seen(paths, tmp_path / "cache")
    Image.new("RGB", (20, 20), "white").save(paths[2])
    views = (ORIGINAL, View(brightness=0.5))
    assert seen.greys(*views) == pytest.approx([0, 0, 100, 50, 200, 200, 100, 50], abs=2)
    (told,) = [record.getMessage() for record in caplog.records]
    assert told == f"views: {paths[2]}: changed while it was being read; it is seen as it is only"


def test_a_cache_that_cannot_be_written_serves_all_the_same(
    paths: list[Path], tmp_path: Path
) -> None:
    cache, engine = tmp_path / "cache", CountingEngine()
    cache.mkdir(mode=0o500)
    try:
        found = Seen(paths, cache).greys(*FIXED_VIEWS[2], engine=engine)
    finally:
        cache.chmod(0o700)
    assert found == pytest.approx([0, 0, 100, 100, 200, 200, 100, 100], abs=1)
    assert engine.images == 3


def test_a_row_that_float16_cannot_hold_is_the_weights_fault(
    paths: list[Path], tmp_path: Path
) -> None:
    class Overflowing(FakeEngine):
        def rows(self, images: Sequence[Pixels]) -> Rows:
            return super().rows(images) * 1e6

    with pytest.raises(WeightsError, match=r"makes of .*png a number that is not finite"):
        run_pass(Overflowing(), Preprocessing(), paths, cache=tmp_path / "cache")
