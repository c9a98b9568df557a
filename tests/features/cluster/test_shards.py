"""Shards: whole or told of and computed again, of one space, and never with a row twice."""

import dataclasses
import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import ANY

import numpy
import pytest

pytest.importorskip("pyarrow")

import pyarrow
from pyarrow import dataset, parquet

from tests.fakes import CountingEngine, FakeEngine
from tests.features.cluster.folders import draw_shades, odd_animals
from torch_inception.errors import ClusterError
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cache.open_store import open_row_store
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.features.cached_pass import run_pass
from torch_inception.features.cluster.blocks import Outcome, Setup, cut_blocks
from torch_inception.features.cluster.listing import Listing, list_folder, list_paths
from torch_inception.features.cluster.missing import Missing, find_missing
from torch_inception.features.cluster.shard_actor import ShardActor
from torch_inception.features.cluster.shard_folders import open_folder
from torch_inception.features.cluster.shards import SCHEMA, Shards
from torch_inception.features.cluster.take_over import TakeOver
from torch_inception.features.image_rows import row_space
from torch_inception.features.view_pass import ViewedImage, run_view_pass
from torch_inception.images.preprocess import Preprocessing
from torch_inception.images.views import FIXED_VIEWS

PREPROCESSING = Preprocessing()
SPACE = row_space(FakeEngine(), PREPROCESSING)


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    """Give a folder for shards that is not there yet."""
    return Shards(open_folder(str(tmp_path / "shards")), SPACE)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Make two classes of 6 images each, and one that is in no class."""
    draw_shades(tmp_path / "images" / "one", 6)
    draw_shades(tmp_path / "images" / "two", 6, start=6)
    draw_shades(tmp_path / "images", 1, start=99)
    return tmp_path / "images"


def setup_for(shards: Shards, *, run: str = "some run", thumbnails: bool = False) -> Setup:
    return Setup(FakeEngine(), PREPROCESSING, shards.space, shards.folder, None, run, thumbnails)


def compute(
    listing: Listing,
    shards: Shards,
    missing: Missing,
    *,
    run: str | None = None,
    thumbnails: bool = False,
) -> list[Outcome]:
    """Do what a cluster does, here: two blocks of eight rows at most for each slot."""
    with ExitStack() as stack:
        run = run or stack.enter_context(shards.folder.marked())
        setup = setup_for(shards, run=run, thumbnails=thumbnails)
        actor = ShardActor(dataclasses.replace(setup, store=listing.store), threads=2)
        blocks = cut_blocks(listing, missing.views, slots=1, batch_size=4)
        return [actor(block) for block in blocks]


def filled(folder: Path, shards: Shards) -> Listing:
    listing = list_folder(folder)
    outcomes = compute(listing, shards, find_missing(listing, shards))
    assert sum(outcome.rows for outcome in outcomes) == len(listing)
    assert all(outcome.error is None for outcome in outcomes)
    return listing


def files_of(shards: Shards) -> list[Path]:
    return sorted(Path(str(shards.folder)).iterdir())


def paths_in(shards: Shards) -> list[str]:
    """Return the paths as whoever reads the whole folder finds them."""
    paths: list[str] = dataset.dataset(str(shards.folder)).to_table()["path"].to_pylist()
    return paths


def test_anybody_reads_them_as_one_data_set(images: Path, shards: Shards) -> None:
    listing = filled(images, shards)
    table = dataset.dataset(str(shards.folder)).to_table()
    assert table.schema.names == SCHEMA.names
    assert len(files_of(shards)) > 1
    rows = {row["path"]: row for row in table.to_pylist()}
    assert sorted(rows) == sorted(listing.names)
    assert len(rows) == len(table) == 13
    for number, folder in ((3, "one"), (7, "two"), (99, "")):
        path = images / folder / f"shade {number:04d}.bmp"
        row = rows[str(path)]
        assert (row["label"], row["view"], row["reason"]) == (folder, "", None)
        status = path.stat()
        assert (row["size"], row["modified"]) == (status.st_size, status.st_mtime_ns)
        assert (row["width"], row["height"], row["format"]) == (6, 4, "BMP")
        features = numpy.frombuffer(row["row"], "<f2")
        assert features.shape == (4096,)
        expected = numpy.array([number, 0, 99]) / 255
        assert numpy.allclose(features[:3], expected, atol=2**-11)


def test_a_second_time_nothing_is_missing_and_what_is_new_or_changed_is(
    images: Path, shards: Shards
) -> None:
    filled(images, shards)
    again = find_missing(list_folder(images), shards)
    assert (again.views, again.present) == ({}, 13)
    changed = images / "one" / "shade 0002.bmp"
    os.utime(changed, ns=(1, 1))
    (new,) = draw_shades(images / "two", 1, start=50)
    listing = list_folder(images)
    missing = find_missing(listing, shards)
    assert {listing.names[place] for place in missing.views} == {str(changed), str(new)}
    compute(listing, shards, missing)
    assert sorted(paths_in(shards)) == sorted(listing.names)


def test_rows_of_other_files_in_the_folder_are_left_alone(images: Path, shards: Shards) -> None:
    filled(images, shards)
    listing = list_folder(images / "one")
    missing = find_missing(listing, shards)
    # Their labels are not looked at: the rows are there.
    assert (missing.views, missing.present) == ({}, 6)
    assert len(paths_in(shards)) == 13


def test_a_shard_that_is_cut_short_or_damaged_is_told_of_removed_and_computed_again(
    images: Path, shards: Shards, caplog: pytest.LogCaptureFixture
) -> None:
    listing = filled(images, shards)
    first, second, *_ = files_of(shards)
    content = first.read_bytes()
    first.write_bytes(content[: len(content) // 2])
    second.write_bytes(b"")
    with pytest.raises(ValueError, match="Parquet magic bytes not found"):
        paths_in(shards)
    missing = find_missing(listing, shards)
    told = [record.getMessage() for record in caplog.records]
    assert [first.name in told[0], second.name in told[1], len(told)] == [True, True, 2]
    assert all("is removed; rows of it that are needed are computed again" in line for line in told)
    assert 0 < len(missing.views) < 13
    compute(listing, shards, missing)
    assert sorted(paths_in(shards)) == sorted(listing.names)


@pytest.mark.parametrize("fault", ["no column", "no row", "short row", "short digest"])
def test_a_shard_of_another_form_is_removed_when_it_is_read_whole(
    fault: str, images: Path, shards: Shards, caplog: pytest.LogCaptureFixture
) -> None:
    filled(images, shards)
    (name, *_) = shards.names()
    table = shards.table(name)
    assert table is not None
    values = {"no row": None, "short row": b"-" * 8190, "short digest": b"-"}
    if fault == "no column":
        content = table.drop_columns(["row"])
    else:
        column = "digest" if fault == "short digest" else "row"
        others = table[column].to_pylist()[1:]
        new = pyarrow.array([values[fault], *others], pyarrow.binary())
        content = table.set_column(table.column_names.index(column), column, new)
    about = parquet.read_schema(images.parent / "shards" / name).metadata
    parquet.write_table(content.replace_schema_metadata(about), images.parent / "shards" / name)
    assert shards.table(name) is None
    assert f"shards: {name} in {shards.folder} is not whole" in caplog.text
    assert name not in shards.names()


def test_a_pipe_is_no_shard(images: Path, shards: Shards) -> None:
    filled(images, shards)
    names = shards.names()
    os.mkfifo(images.parent / "shards" / "rows-a.parquet")
    assert shards.names() == names


def test_two_runs_that_begin_at_once_are_told(images: Path, shards: Shards) -> None:
    listing = filled(images, shards)
    find_missing(listing, shards)
    with (
        shards.folder.marked(),
        pytest.raises(ClusterError, match="another run writes into"),
        shards.folder.marked(),
    ):
        pass


def test_damage_in_a_row_is_noticed_when_it_is_taken_over(
    images: Path, shards: Shards, caplog: pytest.LogCaptureFixture
) -> None:
    listing = filled(images, shards)
    first = files_of(shards)[0]
    count = parquet.read_metadata(first).num_rows
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)
    assert shards.table(first.name) is None
    assert "is not whole" in caplog.text
    assert len(find_missing(listing, shards).views) == count


def test_files_that_killed_writers_left_are_told_of_and_removed(
    images: Path, shards: Shards, caplog: pytest.LogCaptureFixture
) -> None:
    listing = filled(images, shards)
    name = files_of(shards)[0].name
    left = Path(str(shards.folder), f".{name[:50]}.0123456789abcdef.part")
    left.write_bytes(b"PAR1")
    assert find_missing(listing, shards).views == {}
    assert "1 file in" in caplog.text
    assert not left.exists()


def test_a_row_that_two_runs_have_computed_is_kept_once(images: Path, shards: Shards) -> None:
    listing = filled(images, shards)
    missing = Missing({place: list(listing.views_of(place)) for place in range(3)})
    compute(listing, shards, missing)
    assert len(paths_in(shards)) == 16
    assert find_missing(listing, shards).present == 13
    assert sorted(paths_in(shards)) == sorted(listing.names)


def test_a_block_that_is_tried_again_has_the_same_shard_and_is_not_computed_twice(
    images: Path, shards: Shards
) -> None:
    listing = list_folder(images)
    missing = find_missing(listing, shards)
    with shards.folder.marked() as run:
        first = compute(listing, shards, missing, run=run)
        written = [file.stat().st_mtime_ns for file in files_of(shards)]
        assert compute(listing, shards, missing, run=run) == first
        assert [file.stat().st_mtime_ns for file in files_of(shards)] == written
        damaged = files_of(shards)[0]
        damaged.write_bytes(damaged.read_bytes()[:-9])
        assert compute(listing, shards, missing, run=run) == first
    assert compute(listing, shards, missing) == first
    assert [file.stat().st_mtime_ns for file in files_of(shards)] != written


def test_what_was_left_of_a_run_that_has_ended_writes_nothing(images: Path, shards: Shards) -> None:
    listing = list_folder(images)
    missing = find_missing(listing, shards)
    with shards.folder.marked() as run:
        pass
    for outcome in compute(listing, shards, missing, run=run):
        assert outcome.error == ("ClusterError", ANY)
    assert files_of(shards) == []


def test_two_runs_at_a_time_are_refused(images: Path, shards: Shards) -> None:
    listing = list_folder(images)
    with shards.folder.marked(), pytest.raises(ClusterError, match="another run writes into"):
        find_missing(listing, shards)
    assert find_missing(listing, shards).views


def test_a_shard_that_cannot_be_read_stays(images: Path, shards: Shards) -> None:
    listing = filled(images, shards)
    (file,) = files_of(shards)[:1]
    content = file.read_bytes()
    file.unlink()
    file.mkdir()  # what stands for a disk that fails: it can be opened by nobody
    with pytest.raises(ClusterError, match="cannot be read"):
        find_missing(listing, shards)
    file.rmdir()
    file.write_bytes(content)
    assert find_missing(listing, shards).views == {}


def test_only_rows_of_the_listing_are_taken_over(
    images: Path, shards: Shards, tmp_path: Path
) -> None:
    filled(images, shards)
    files = sorted((images / "one").iterdir())[:2]
    listing = list_paths(files, ["one"] * 2)
    store = open_row_store(tmp_path / "cache", space=SPACE)
    take_over = TakeOver(listing, files, shards, store, FileIndex(tmp_path / "cache"), None)
    missing = find_missing(listing, shards)
    for name in missing.shards:
        take_over(name)
    take_over.finish()
    everything = filter(Path.is_file, images.rglob("*"))
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in everything]
    assert len(store.find(digests)) == 2


def test_shards_of_other_weights_or_settings_are_refused(images: Path, shards: Shards) -> None:
    listing = filled(images, shards)
    other = Shards(shards.folder, row_space(FakeEngine(), Preprocessing("pad")))
    with pytest.raises(
        ClusterError,
        match=r"of other weights.* \(squash there, pad here\)\. Name another folder: --shards",
    ):
        find_missing(listing, other)
    with pytest.raises(
        ClusterError, match="rows are wanted of .* pad .*, and would be of .* squash"
    ):
        ShardActor(setup_for(other), threads=1)


def test_an_address_of_a_store_that_is_not_known_is_refused() -> None:
    with pytest.raises(ClusterError, match="ftp:// is not known"):
        open_folder("ftp://here/there")


def test_names_that_are_no_text_are_not_those_of_other_files(tmp_path: Path) -> None:
    paths = [tmp_path / os.fsdecode(name) for name in (b"a\xff.jpg", b"a\\xff.jpg", b"a%FF.jpg")]
    listing = list_paths(paths, [""] * len(paths))
    addresses = [listing.address(place) for place in range(len(paths))]
    assert addresses == [f"file://{tmp_path}/a%FF.jpg", *map(str, paths[1:])]


@pytest.mark.filterwarnings("ignore::Warning:PIL")
def test_odd_files_have_the_rows_and_reasons_of_the_local_pass_and_are_taken_over(
    images: Path, shards: Shards, own_cache: Path, tmp_path: Path
) -> None:
    odd = images / "odd"
    odd.mkdir()
    for animal in odd_animals():
        animal.release(odd)
    listing = list_folder(images)
    compute(listing, shards, find_missing(listing, shards), thumbnails=True)
    paths = [Path(name) for name in listing.names]
    local = run_pass(FakeEngine(), PREPROCESSING, paths, cache=tmp_path / "other cache")
    assert len(local.skipped) > 60
    reasons = {row["path"]: row["reason"] for row in _rows(shards) if row["reason"]}
    expected = {list_paths([path], [""]).address(0): reason for path, reason in local.skipped}
    assert reasons == expected

    engine = CountingEngine()
    store, index = open_row_store(own_cache, space=SPACE), FileIndex(own_cache)
    take_over = TakeOver(listing, paths, shards, store, index, Thumbnails(own_cache))
    for name in shards.names():
        take_over(name)
    take_over.finish()
    taken = run_pass(engine, PREPROCESSING, paths, cache=own_cache)
    assert engine.images == 0
    assert taken.paths == local.paths
    assert taken.digests == local.digests
    assert numpy.array_equal(taken.rows.tensor(), local.rows.tensor())
    # What is not a number is not equal to itself.
    assert taken.facts.tobytes() == local.facts.tobytes()
    assert taken.skipped == local.skipped
    thumbnails = [Thumbnails(c).find(local.digests) for c in (own_cache, tmp_path / "other cache")]
    assert thumbnails[0] == thumbnails[1]
    assert find_missing(list_folder(images), shards).views == {}


def test_views_are_rows_of_their_own(
    images: Path, shards: Shards, own_cache: Path, tmp_path: Path
) -> None:
    paths = sorted((images / "one").iterdir())
    local = run_pass(FakeEngine(), PREPROCESSING, paths, cache=tmp_path / "other cache")
    viewed = [
        ViewedImage(path, digest, FIXED_VIEWS[4])
        for path, digest in zip(paths, local.digests, strict=True)
    ]
    expected = run_view_pass(FakeEngine(), PREPROCESSING, viewed, store=local.store)
    listed = list_folder(images / "one")
    listing = Listing(
        listed.names, listed.labels, listed.states,
        digests=local.digests, views=[image.views for image in viewed],
    )  # fmt: skip
    compute(listing, shards, find_missing(listing, shards))
    assert find_missing(listing, shards).present == 24
    store = open_row_store(own_cache, space=SPACE)
    take_over = TakeOver(listing, paths, shards, store, FileIndex(own_cache), None)
    for name in shards.names():
        take_over(name)
    take_over.finish()
    engine = CountingEngine()
    taken = run_view_pass(engine, PREPROCESSING, viewed, store=store)
    assert engine.images == 0
    assert numpy.array_equal(taken.tensor(), expected.tensor())


def test_a_view_of_a_file_that_has_changed_is_told_and_not_computed(
    images: Path, shards: Shards
) -> None:
    listed = list_folder(images / "one")
    listing = Listing(
        listed.names, listed.labels, listed.states,
        digests=[b"another".ljust(32)] * 6, views=[FIXED_VIEWS[2]] * 6,
    )  # fmt: skip
    compute(listing, shards, find_missing(listing, shards))
    assert {row["reason"] for row in _rows(shards)} == {"changed while it was being read"}
    assert len(find_missing(listing, shards).views) == 6
    assert shards.names() == []


def test_every_slot_gets_work_and_no_block_is_too_large() -> None:
    listing = list_paths([Path(f"/{number}") for number in range(10_000)], [""] * 10_000)
    for count, slots in ((3, 2), (300, 2), (10_000, 1), (10_000, 100)):
        views = {place: listing.views_of(place) for place in range(count)}
        sizes = [len(b.items) for b in cut_blocks(listing, views, slots=slots, batch_size=4)]
        assert sum(sizes) == count
        assert len(sizes) >= min(slots, count // 4)
        assert max(sizes) <= max(4, count // slots // 16)
    names = [b.shard for b in cut_blocks(listing, views, slots=slots, batch_size=4)]
    assert len(set(names)) == len(names)


def _rows(shards: Shards) -> Iterator[dict[str, object]]:
    yield from dataset.dataset(str(shards.folder)).to_table().to_pylist()
