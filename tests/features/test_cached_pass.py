"""The pass: row i is image i, computed once, whatever happens to the others."""

import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from tests.fakes import FAKE_RECORD, FakeEngine
from tests.robustness.fickle import fickle_path
from torch_inception.config import Resize
from torch_inception.engines.protocol import Rows
from torch_inception.errors import ImageError
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.features.cached_pass import PassResult, run_pass
from torch_inception.features.extractor import FeatureExtractor
from torch_inception.features.image_rows import stream_rows
from torch_inception.images.facts import FACTS
from torch_inception.images.image_input import ImageInput
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.weights.record import WeightsRecord

EARLIER, LATER = 10**18, 10**18 + 10**9


@pytest.fixture
def shades(tmp_path: Path) -> list[Path]:
    """Make 40 images; number i is of the plain colour (2i, 255 - i, i)."""
    paths = [tmp_path / f"shade {number:02d}.bmp" for number in range(40)]
    for number, path in enumerate(paths):
        paint(path, number)
    return paths


def colour(number: int) -> tuple[int, int, int]:
    return 2 * number, 255 - number, number


def paint(path: Path, number: int, *, modified: int = EARLIER) -> None:
    """Write a file of 6 x 4 pixels; all such have the same size."""
    Image.new("RGB", (6, 4), colour(number)).save(path, "BMP")
    os.utime(path, ns=(modified, modified))


def passed(
    engine: FakeEngine, paths: Sequence[Path], cache: Path, *, resize: Resize = "squash"
) -> PassResult:
    return run_pass(engine, Preprocessing(resize), paths, cache=cache)


def is_rows_of(table: PassResult, numbers: Sequence[int]) -> bool:
    wanted = numpy.zeros((len(numbers), 4096), numpy.float16)
    for start in (0, 768, 2048):
        colours = numpy.array([colour(number) for number in numbers]) / 255
        wanted[:, start : start + 3] = colours.reshape(-1, 3)
    return numpy.allclose(table.rows.tensor(), wanted, atol=2**-11)


def test_row_i_is_image_i_rounded_as_the_cache_keeps_it(
    engine: FakeEngine, shades: list[Path], own_cache: Path
) -> None:
    fresh = passed(engine, shades, own_cache)
    assert fresh.paths == shades
    assert is_rows_of(fresh, range(40))
    assert (fresh.computed, fresh.reused, fresh.skipped) == (40, 0, [])
    again = passed(engine, shades[::-1], own_cache)
    assert torch.equal(again.rows.tensor(), fresh.rows.tensor().flip(0))
    assert again.digests == fresh.digests[::-1]
    assert (again.computed, again.reused) == (0, 40)


def test_facts_and_thumbnails_are_those_of_the_images_also_from_the_cache(
    engine: FakeEngine, shades: list[Path], own_cache: Path
) -> None:
    Image.new("L", (300, 200), 90).save(shades[3], "PNG")
    for paths in (shades[:6], shades[5::-1]):
        table = passed(engine, paths, own_cache)
        assert table.facts.dtype == FACTS
        for path, facts in zip(paths, table.facts, strict=True):
            special = path == shades[3]
            assert (facts["width"], facts["height"]) == ((300, 200) if special else (6, 4))
            assert (facts["format"], facts["mode"]) == (("PNG", "L") if special else ("BMP", "RGB"))
            red, green, blue = (90, 90, 90) if special else colour(shades.index(path))
            luma = 0.299 * red + 0.587 * green + 0.114 * blue
            assert facts["brightness"] == pytest.approx(luma, abs=0.51)
            assert facts["contrast"] == facts["sharpness"] == 0
            assert facts["perceptual_hash"] == 1
        thumbnails = Thumbnails(own_cache).find(table.digests)
        assert list(thumbnails) == sorted(table.digests)
        for path, digest in zip(paths, table.digests, strict=True):
            image = Image.open(io.BytesIO(thumbnails[digest]))
            wanted = ((128, 85), (90, 90, 90)) if path == shades[3] else ((6, 4), None)
            assert image.size == wanted[0]
            expected = wanted[1] or colour(shades.index(path))
            assert numpy.abs(numpy.asarray(image).astype(int) - expected).max() <= 4


def test_a_pass_over_twenty_thousand_files_makes_no_thumbnails(
    engine: FakeEngine, shades: list[Path], own_cache: Path
) -> None:
    table = passed(engine, [shades[0]] * 20_000, own_cache)
    assert (table.computed, len(table.facts)) == (1, 20_000)
    assert not (own_cache / "thumbnails").exists()
    table = passed(engine, [*[shades[0]] * 19_998, shades[1]], own_cache)
    # The row of the first was there already.
    assert list(Thumbnails(own_cache).find(table.digests)) == [table.digests[-1]]


def test_a_rename_and_a_move_cost_nothing(
    engine: FakeEngine, shades: list[Path], own_cache: Path, tmp_path: Path
) -> None:
    passed(engine, shades, own_cache)
    (tmp_path / "sub").mkdir()
    moved = [path.rename(tmp_path / "sub" / f"{i}.png") for i, path in enumerate(shades)]
    table = passed(engine, moved, own_cache)
    assert is_rows_of(table, range(40))
    assert (table.computed, table.reused) == (0, 40)


def test_an_edit_recomputes_that_one_image(
    engine: FakeEngine, shades: list[Path], own_cache: Path
) -> None:
    passed(engine, shades, own_cache)
    paint(shades[7], 99, modified=LATER)
    table = passed(engine, shades, own_cache)
    assert is_rows_of(table, [*range(7), 99, *range(8, 40)])
    assert (table.computed, table.reused) == (1, 39)


def test_an_exact_duplicate_is_computed_once(
    engine: FakeEngine, shades: list[Path], own_cache: Path, tmp_path: Path
) -> None:
    copies = [Path(shutil.copy(path, tmp_path / f"copy of {path.name}")) for path in shades[:3]]
    table = passed(engine, [*shades[:5], *copies], own_cache)
    assert is_rows_of(table, [0, 1, 2, 3, 4, 0, 1, 2])
    assert (table.computed, table.reused) == (5, 3)


def test_other_weights_and_another_preprocessing_have_rows_of_their_own(
    engine: FakeEngine, shades: list[Path], own_cache: Path
) -> None:
    passed(engine, shades[:4], own_cache)
    assert passed(engine, shades[:4], own_cache, resize="pad").computed == 4
    for change in ({"fingerprint": "0" * 64}, {"pooling": "tensorflow"}, {"mean": (0.0,) * 3}):
        record = WeightsRecord.from_dict(FAKE_RECORD.as_dict() | change)
        assert passed(FakeEngine(record), shades[:4], own_cache).computed == 4
    assert passed(engine, shades[:4], own_cache).computed == 0


def test_bad_files_are_listed_in_order_and_the_others_are_unharmed(
    engine: FakeEngine, shades: list[Path], own_cache: Path, tmp_path: Path
) -> None:
    text, half, empty = (tmp_path / name for name in ("text.png", "half.png", "empty.png"))
    text.write_text("a circle")
    half.write_bytes(shades[30].read_bytes()[:80])
    empty.touch()
    paths = [text, *shades[:9], half, *shades[9:20], tmp_path / "gone.png", empty]
    for computed in (20, 0):
        table = passed(engine, paths, own_cache)
        assert table.paths == shades[:20]
        assert is_rows_of(table, range(20))
        assert table.computed == computed
        assert [skip.path for skip in table.skipped] == [text, half, tmp_path / "gone.png", empty]
        assert [skip.reason for skip in table.skipped[::2]] == [
            "not an image but text",
            "no such file",
        ]


def test_a_pass_over_nothing_or_over_bad_files_alone_is_empty(
    engine: FakeEngine, own_cache: Path, tmp_path: Path
) -> None:
    assert passed(engine, [], own_cache).rows.tensor().shape == (0, 4096)
    table = passed(engine, [tmp_path / "gone"], own_cache)
    assert table.rows.tensor().shape == (0, 4096)
    assert len(table.skipped) == 1


@pytest.mark.parametrize("looks", [1, 2, 3])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_file_that_vanishes_during_the_pass_does_not_take_its_copy_along(
    is_first: bool, looks: int, engine: FakeEngine, shades: list[Path], own_cache: Path
) -> None:
    paint(shades[1], 0)
    vanishing = fickle_path(shades[1], Path.unlink, looks=looks)
    copies = [vanishing, shades[0]] if is_first else [shades[0], vanishing]
    table = passed(engine, [*copies, shades[2]], own_cache)
    # Looked at for the third time, it has been read.
    assert [skip.path for skip in table.skipped] == ([vanishing] if looks < 3 else [])
    assert is_rows_of(table, [0, 2] if looks < 3 else [0, 0, 2])
    assert table.computed == 2


def test_many_copies_that_are_read_at_the_same_time_are_computed_once(
    shades: list[Path], own_cache: Path
) -> None:
    class Counting(FakeEngine):
        workers = 8
        batch_size = 1
        images = 0

        def rows(self, images: Sequence[Pixels]) -> Rows:
            self.images += len(images)
            return super().rows(images)

    for path in shades:
        paint(path, 7)
    engine = Counting()
    table = passed(engine, shades, own_cache)
    assert is_rows_of(table, [7] * 40)
    assert (engine.images, table.computed, table.reused) == (1, 1, 39)


def test_an_interrupted_pass_keeps_the_rows_before_it(
    engine: FakeEngine, shades: list[Path], own_cache: Path
) -> None:
    class Interrupted(FakeEngine):
        def rows(self, images: Sequence[Pixels]) -> Rows:
            if any(image[0, 0, 2] == 30 for image in images):  # blue is the image's number
                raise KeyboardInterrupt
            return super().rows(images)

    with pytest.raises(KeyboardInterrupt):
        passed(Interrupted(), shades, own_cache)
    table = passed(engine, shades, own_cache)
    # The batch of four in which it was interrupted is lost, and what came after.
    assert 27 <= table.reused <= 30
    assert table.computed == 40 - table.reused
    assert is_rows_of(table, range(40))


def test_streamed_rows_and_errors_keep_their_places(engine: FakeEngine, shades: list[Path]) -> None:
    tensor = torch.tensor(colour(3), dtype=torch.uint8)[:, None, None].expand(3, 5, 5)
    items: list[ImageInput] = [
        shades[0],
        "gone.png",
        Image.new("RGB", (9, 9), colour(2)),
        tensor,
        str(shades[4]),
    ]
    results = list(stream_rows(engine, Preprocessing(), items))
    assert isinstance(results[1], ImageError)
    for number in (0, 2, 3, 4):
        row = results[number]
        assert isinstance(row, numpy.ndarray)
        assert row.dtype == numpy.float32
        assert row[:3] == pytest.approx(numpy.array(colour(number)) / 255, abs=1e-6)
        assert row[2048:2051] == pytest.approx(row[:3])
        assert not row[3:768].any()


def test_streaming_leaves_the_number_of_threads_as_it_was(
    engine: FakeEngine, shades: list[Path]
) -> None:
    before = torch.get_num_threads()
    assert len(list(stream_rows(engine, Preprocessing(), shades))) == 40
    rows = stream_rows(engine, Preprocessing(), shades)
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert torch.get_num_threads() == before


def test_the_extractor_takes_any_mixture_and_keeps_its_order(
    engine: FakeEngine, shades: list[Path]
) -> None:
    image = Image.new("RGB", (9, 9), colour(1))
    rows = FeatureExtractor(engine=engine)(
        item for item in (shades[0], image, str(shades[2]), image)
    )
    assert rows.shape == (4, 2048)
    assert rows.dtype == numpy.float32
    wanted = numpy.array([colour(number) for number in (0, 1, 2, 1)]) / 255
    assert numpy.allclose(rows[:, :3], wanted, atol=2**-11)
    assert FeatureExtractor(engine=engine)([]).shape == (0, 2048)


def test_the_extractor_names_an_image_that_cannot_be_read(
    engine: FakeEngine, shades: list[Path]
) -> None:
    with pytest.raises(ImageError, match=r"gone\.png: no such file"):
        FeatureExtractor(engine=engine)([shades[0], "gone.png", shades[1]])
