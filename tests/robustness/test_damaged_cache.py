"""A cache that is damaged, lost in part, or not to be written: never a wrong row."""

import logging
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from tests.drawings import draw_colours
from tests.fakes import FakeEngine
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.features.cached_pass import PassResult, run_pass
from torch_inception.images.preprocess import Preprocessing
from torch_inception.weights import store
from torch_inception.weights.checked import Weights, fingerprint
from torch_inception.weights.record import WeightsRecord


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    draw_colours(tmp_path / "colours")
    return sorted((tmp_path / "colours").rglob("*.png"))[::6]


def passed(paths: list[Path], cache: Path) -> PassResult:
    return run_pass(FakeEngine(), Preprocessing(), paths, cache=cache)


@pytest.fixture
def whole(paths: list[Path], tmp_path: Path) -> tuple[Path, torch.Tensor]:
    """Fill a cache; return it and the rows."""
    table = passed(paths, tmp_path / "whole")
    assert table.computed == len(paths) == 15
    return tmp_path / "whole", table.rows.tensor()


def flip(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def cut(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


def zero(content: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(content))
    content[start : start + 4096] = bytes(len(content[start : start + 4096]))


def move(content: bytearray, chance: random.Random) -> None:
    """Put a piece of the file into another place, as a confused disk does."""
    start, target = (chance.randrange(0, len(content), 16) for _ in range(2))
    piece = content[start : start + 8320]
    content[target : target + len(piece)] = piece


Damage = Callable[[bytearray, random.Random], None]


def damage_file(file: Path, damage: Damage, seed: int) -> None:
    content = bytearray(file.read_bytes())
    damage(content, random.Random(seed))
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["rows.bin", "index.sqlite", "files-2.sqlite"])
@pytest.mark.parametrize("damage", [flip, cut, zero, move])
def test_damage_anywhere_gives_the_right_rows(
    name: str,
    damage: Damage,
    whole: tuple[Path, torch.Tensor],
    paths: list[Path],
    tmp_path: Path,
    long: bool,
) -> None:
    cache, rows = whole
    for seed in range(100 if long else 8):
        damaged = tmp_path / "damaged"
        shutil.copytree(cache, damaged)
        (file,) = damaged.rglob(name)
        damage_file(file, damage, seed)
        assert torch.equal(passed(paths, damaged).rows.tensor(), rows)
        again = passed(paths, damaged)
        assert torch.equal(again.rows.tensor(), rows)
        assert again.computed == 0
        shutil.rmtree(damaged)


def test_an_index_with_text_that_is_none_is_made_anew(
    whole: tuple[Path, torch.Tensor], paths: list[Path], tmp_path: Path
) -> None:
    cache, rows = whole
    damaged = tmp_path / "damaged"
    shutil.copytree(cache, damaged)
    index = sqlite3.connect(damaged / "files-2.sqlite")
    index.execute("UPDATE files SET state = CAST(x'FF31' AS TEXT)")
    index.commit()
    index.close()
    assert torch.equal(passed(paths, damaged).rows.tensor(), rows)
    assert passed(paths, damaged).computed == 0


@pytest.mark.parametrize("damage", [flip, cut, zero, move])
def test_damaged_thumbnails_are_not_found_and_can_be_kept_again(
    damage: Damage,
    whole: tuple[Path, torch.Tensor],
    paths: list[Path],
    tmp_path: Path,
    long: bool,
) -> None:
    cache, _ = whole
    digests = passed(paths, cache).digests
    thumbnails = Thumbnails(cache).find(digests)
    assert len(thumbnails) == 15
    for seed in range(200 if long else 20):
        (tmp_path / "damaged" / "thumbnails").mkdir(parents=True)
        file = tmp_path / "damaged" / "thumbnails" / "thumbnails-2.sqlite"
        shutil.copy(cache / "thumbnails" / file.name, file)
        damage_file(file, damage, seed)
        found = Thumbnails(tmp_path / "damaged").find(digests)
        assert found.items() <= thumbnails.items()
        Thumbnails(tmp_path / "damaged").add(thumbnails)
        assert Thumbnails(tmp_path / "damaged").find(digests) == thumbnails
        shutil.rmtree(tmp_path / "damaged")


def test_parts_of_two_entries_are_no_entry(
    whole: tuple[Path, torch.Tensor], paths: list[Path]
) -> None:
    cache, rows = whole
    connection = sqlite3.connect(cache / "files-2.sqlite")
    connection.execute(
        "UPDATE files SET digest = (SELECT digest FROM files WHERE path = ?) WHERE path = ?",
        [os.fsencode(path) for path in paths[:2]],
    )
    connection.commit()
    connection.close()
    assert torch.equal(passed(paths, cache).rows.tensor(), rows)


def test_an_index_that_is_lost_is_made_from_the_rows(
    whole: tuple[Path, torch.Tensor], paths: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    cache, rows = whole
    (index,) = cache.rglob("index.sqlite")
    index.unlink()
    table = passed(paths, cache)
    assert table.computed == 0
    assert torch.equal(table.rows.tensor(), rows)
    assert [record.getMessage() for record in caplog.records] == [
        f"cache: {index} was made from its 15 rows"
    ]


@pytest.mark.parametrize("name", ["index.sqlite", "files-2.sqlite"])
def test_an_index_that_is_something_else_is_made_anew_with_a_message(
    name: str,
    whole: tuple[Path, torch.Tensor],
    paths: list[Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache, rows = whole
    (index,) = cache.rglob(name)
    index.write_bytes(b"something else " * 500)
    table = passed(paths, cache)
    assert table.computed == 0
    assert torch.equal(table.rows.tensor(), rows)
    assert f"cache: {index} is damaged" in caplog.text
    assert "is made anew" in caplog.text


def test_rows_that_are_lost_are_computed_again(
    whole: tuple[Path, torch.Tensor], paths: list[Path]
) -> None:
    cache, rows = whole
    (file,) = cache.rglob("rows.bin")
    file.unlink()
    table = passed(paths, cache)
    assert table.computed == 15
    assert torch.equal(table.rows.tensor(), rows)


def test_the_cache_of_a_newer_version_stays_and_is_not_read(
    whole: tuple[Path, torch.Tensor], paths: list[Path]
) -> None:
    cache, rows = whole
    # A version is part of the names of two, and of what the name of the third is a hash of.
    (cache / "files-2.sqlite").rename(cache / "files-99.sqlite")
    thumbnails = cache / "thumbnails"
    (thumbnails / "thumbnails-2.sqlite").rename(thumbnails / "thumbnails-99.sqlite")
    (space,) = (cache / "features").iterdir()
    space.rename(space.with_name("0" * 32))
    before = {file: file.read_bytes() for file in cache.rglob("*") if file.is_file()}
    table = passed(paths, cache)
    assert table.computed == 15
    assert torch.equal(table.rows.tensor(), rows)
    added = {file for file in cache.rglob("*") if file.is_file()} - before.keys()
    assert sorted(file.name for file in added) == [
        "files-2.sqlite", "index.sqlite", "rows.bin", "thumbnails-2.sqlite"
    ]  # fmt: skip
    assert before == {file: file.read_bytes() for file in before}


@contextmanager
def as_another_user() -> Iterator[None]:
    """Be somebody whom permissions hold up, also where tests run as root."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def locked(
    whole: tuple[Path, torch.Tensor], paths: list[Path]
) -> Iterator[tuple[Path, list[Path]]]:
    """Give a cache that cannot be written, and images, in a place that anybody can read."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    cache = place / "cache"
    shutil.copytree(whole[0], cache)
    copies = [Path(shutil.copy2(path, place / path.name)) for path in paths]
    for file in [place, *place.rglob("*")]:
        file.chmod(0o555 if file.is_dir() else 0o444)
    yield cache, copies
    for file in [place, *(each for each in place.rglob("*") if each.is_dir())]:
        file.chmod(0o755)
    shutil.rmtree(place)


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_cache_that_cannot_be_written_is_used(
    locked: tuple[Path, list[Path]],
    whole: tuple[Path, torch.Tensor],
    caplog: pytest.LogCaptureFixture,
) -> None:
    (cache, copies), rows, before = locked, whole[1], snapshot(locked[0])
    with as_another_user():
        table = passed(copies, cache)
    assert table.computed == 0
    assert torch.equal(table.rows.tensor(), rows)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"cache: {cache} cannot be written" in caplog.text
    assert snapshot(cache) == before


def test_what_a_cache_that_cannot_be_written_lacks_is_computed(
    locked: tuple[Path, list[Path]], whole: tuple[Path, torch.Tensor]
) -> None:
    (cache, copies), rows = locked, whole[1]
    (file,) = cache.rglob("rows.bin")
    content = bytearray(file.read_bytes())
    content[5] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)
    file.chmod(0o444)
    with as_another_user():
        table = passed(copies, cache)
    assert table.computed == 1
    assert torch.equal(table.rows.tensor(), rows)


def test_a_cache_that_can_be_neither_made_nor_written_stops_nothing(
    locked: tuple[Path, list[Path]], whole: tuple[Path, torch.Tensor]
) -> None:
    with as_another_user():
        table = passed(locked[1], locked[0].parent / "none")
    assert table.computed == 15
    assert torch.equal(table.rows.tensor(), whole[1])
    assert not (locked[0].parent / "none").exists()


@pytest.mark.parametrize("damage", [flip, cut, zero, move])
def test_damaged_weights_are_refused_or_the_same(
    damage: Callable[[bytearray, random.Random], None], own_cache: Path, long: bool
) -> None:
    tensors = {f"tensor{i}": torch.arange(300.0) + i for i in range(4)}
    record = WeightsRecord("source", "version", fingerprint(tensors), "tensorflow")
    store.cache_weights("some", Weights(record, tensors))
    (file,) = own_cache.rglob("tensors.pt")
    content = file.read_bytes()
    refused = 0
    for seed in range(300 if long else 20):
        damaged = bytearray(content)
        damage(damaged, random.Random(seed))
        file.write_bytes(damaged)
        found = store.load_cached_weights("some")
        refused += found is None
        if found is not None:
            assert found.record == record
            assert all(torch.equal(found.tensors[name], tensors[name]) for name in tensors)
    assert refused > 5
