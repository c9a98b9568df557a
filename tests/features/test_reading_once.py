"""Each file is read once; unchanged files are not read, replaced ones are, bad ones are named."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from tests.fakes import FakeEngine
from tests.openings import openings
from tests.robustness.fickle import fickle_path, grow
from torch_inception.engines.protocol import Rows
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cached_pass import PassResult, run_pass
from torch_inception.features.image_rows import image_row, read_image
from torch_inception.images.preprocess import Pixels, Preprocessing

TIME = 10**18


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Make 20 images of one size and time; number i has the colour (2i, 255 - i, i)."""
    made = [tmp_path / "data" / f"{number:02d}.bmp" for number in range(20)]
    made[0].parent.mkdir()
    for number, path in enumerate(made):
        paint(path, number)
    return made


def colour(number: int) -> tuple[int, int, int]:
    return 2 * number, 255 - number, number


def paint(path: Path, number: int) -> None:
    Image.new("RGB", (6, 4), colour(number)).save(path, "BMP")
    os.utime(path, ns=(TIME, TIME))


def passed(paths: Sequence[Path], cache: Path, **settings: Any) -> PassResult:  # noqa: ANN401
    engine = settings.pop("engine", FakeEngine())
    return run_pass(engine, Preprocessing(), paths, cache=cache, **settings)


def is_row_of(table: PassResult, path: Path, number: int) -> bool:
    row = table.rows.tensor()[table.paths.index(path)].numpy()
    return numpy.allclose(row[:3], numpy.array(colour(number)) / 255, atol=2**-11)


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """List the names of the images that are opened."""
    with openings(".bmp") as names:
        yield names


def test_a_new_file_is_opened_once_and_an_unchanged_one_never(
    paths: list[Path], own_cache: Path, opened: list[str]
) -> None:
    copy = Path(shutil.copy(paths[3], paths[3].with_name("copy.bmp")))
    opened.clear()
    first = passed([*paths, copy, paths[5]], own_cache)
    assert sorted(opened) == sorted(path.name for path in [*paths, copy])
    assert (first.computed, first.reused) == (20, 2)
    opened.clear()
    again = passed([*paths, copy], own_cache)
    assert (again.computed, again.reused, opened) == (0, 21, [])


def test_files_that_were_read_already_are_not_read_again(
    paths: list[Path], own_cache: Path, opened: list[str]
) -> None:
    chosen = [paths[2], paths[7], paths[7].with_name("gone.bmp")]
    ready = {
        path: read_image(path, Preprocessing(), is_wanted=lambda digest: True) for path in chosen
    }
    opened.clear()
    table = passed([*paths, chosen[2]], own_cache, ready=ready)
    assert sorted(opened) == sorted(path.name for path in paths if path not in chosen)
    assert is_row_of(table, paths[7], 7)
    assert [(skip.path, skip.reason) for skip in table.skipped] == [(chosen[2], "no such file")]


def test_a_file_that_was_read_and_not_decoded_is_read_again_where_its_row_is_missing(
    paths: list[Path], own_cache: Path
) -> None:
    ready = {
        path: read_image(path, Preprocessing(), is_wanted=lambda digest: False) for path in paths
    }
    table = passed(paths, own_cache, ready=ready)
    assert table.computed == 20
    assert is_row_of(table, paths[7], 7)


def replaced_by_renaming(path: Path) -> None:
    other = path.with_name("other")
    paint(other, 99)
    other.replace(path)


def replaced_by_unpacking(path: Path) -> None:
    path.unlink()
    paint(path, 99)


def rewritten_in_place(path: Path) -> None:
    content = path.with_name("other")
    paint(content, 99)
    with path.open("r+b") as file:
        file.write(content.read_bytes())
    os.utime(path, ns=(TIME, TIME))


@pytest.mark.parametrize(
    "replace", [replaced_by_renaming, replaced_by_unpacking, rewritten_in_place]
)
def test_a_file_of_the_same_size_and_time_in_the_place_of_another_is_noticed(
    replace: Any,  # noqa: ANN401
    paths: list[Path],
    own_cache: Path,
    opened: list[str],
) -> None:
    passed(paths, own_cache)
    size = paths[4].stat().st_size
    replace(paths[4])
    assert (paths[4].stat().st_size, paths[4].stat().st_mtime_ns) == (size, TIME)
    opened.clear()
    table = passed(paths, own_cache)
    assert opened == ["04.bmp"]
    assert (table.computed, table.reused) == (1, 19)
    assert is_row_of(table, paths[4], 99)


class Writing(FakeEngine):
    """Writes to a file whenever a batch is computed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def rows(self, images: Sequence[Pixels]) -> Rows:
        self.path.write_bytes(b"written meanwhile")
        return super().rows(images)


def test_a_file_that_is_written_after_it_was_read_keeps_the_row_of_what_was_read(
    paths: list[Path], own_cache: Path
) -> None:
    digest = hashlib.sha256(paths[0].read_bytes()).digest()
    table = passed(paths[:1], own_cache, engine=Writing(paths[0]))
    assert table.digests == [digest]
    assert is_row_of(table, paths[0], 0)
    again = passed(paths[:1], own_cache)
    assert [skip.path for skip in again.skipped] == paths[:1]


def test_a_file_that_is_written_while_it_is_read_is_not_trusted(
    paths: list[Path], own_cache: Path
) -> None:
    growing = fickle_path(paths[1], grow, looks=2)
    table = passed([paths[0], growing, *paths[2:]], own_cache)
    reasons = [(skip.path, skip.reason) for skip in table.skipped]
    assert reasons == [(paths[1], "changed while it was being read")]
    assert passed(paths, own_cache).skipped == []


def linked(path: Path) -> None:
    path.with_name("backup").hardlink_to(path)


def given_other_permissions(path: Path) -> None:
    path.chmod(0o600)


@pytest.mark.parametrize("change", [linked, given_other_permissions, replaced_by_renaming])
@pytest.mark.parametrize("looks", [1, 2])
def test_a_file_of_the_same_size_and_time_as_before_it_was_read_is_taken_and_read_again(
    change: Any,  # noqa: ANN401
    looks: int,
    paths: list[Path],
    own_cache: Path,
    opened: list[str],
) -> None:
    touched = fickle_path(paths[1], change, looks=looks)
    table = passed([paths[0], touched, *paths[2:]], own_cache)
    content = hashlib.sha256(paths[1].read_bytes()).digest()
    assert table.skipped == []
    assert table.digests[1] == content
    assert is_row_of(table, paths[1], 99 if change is replaced_by_renaming else 1)
    opened.clear()
    again = passed(paths, own_cache)
    assert (opened, again.computed, again.digests) == (["01.bmp"], 0, table.digests)


def test_a_stop_keeps_rows_and_files_that_were_committed(
    paths: list[Path], own_cache: Path, opened: list[str]
) -> None:
    class Stopped(FakeEngine):
        workers = 1

        def rows(self, images: Sequence[Pixels]) -> Rows:
            if any(image[0, 0, 2] == 15 for image in images):  # blue is the image's number
                raise KeyboardInterrupt
            return super().rows(images)

    with pytest.raises(KeyboardInterrupt):
        passed(paths, own_cache, engine=Stopped())
    kept = FileIndex(own_cache).unchanged(paths)
    assert list(kept) == paths[:12]
    opened.clear()
    assert passed(paths, own_cache).reused == 12
    assert sorted(opened) == [path.name for path in paths[12:]]


def test_the_content_of_a_file_gives_a_row_or_a_reason(paths: list[Path]) -> None:
    session = FakeEngine().session()
    row = image_row(paths[6].read_bytes(), Preprocessing(), session)
    assert isinstance(row, numpy.ndarray)
    assert row[:3] == pytest.approx(numpy.array(colour(6)) / 255, abs=1e-6)
    reason = image_row(b"remember the milk", Preprocessing(), session)
    assert str(reason) == "not an image but text"
