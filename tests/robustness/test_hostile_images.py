"""Files that nobody should trust: each has its reason, and no other image notices."""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from numpy.typing import NDArray

from tests.fakes import FakeEngine
from tests.robustness.zoo import Animal, zoo
from tests.test_end_to_end import WEIGHTS, draw, draw_patterns
from torch_inception.features.cache.row_store import RowStore
from torch_inception.features.table import FeatureTable, feature_table
from torch_inception.images.preprocess import Preprocessing
from torch_inception.images.read import read_file
from torch_inception.system.cache_folder import CACHE_VARIABLE

SECONDS = 10
"""How long any file may keep a run waiting."""

MEMORY = 10**9
"""Bytes by which the files below may exceed the memory of a run without them."""

ANIMALS = zoo()


@pytest.fixture
def good(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"good {number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        draw("dots", number).save(path)
    return paths


@pytest.fixture
def passed(own_cache: Path) -> Callable[[list[Path]], FeatureTable]:
    """Give a function that maps files to rows."""
    return lambda paths: feature_table(FakeEngine(), Preprocessing(), paths, cache=own_cache)


def rows_of(table: FeatureTable) -> dict[Path, bytes]:
    rows: NDArray[numpy.float32] = table.rows.tensor().numpy()
    return {path: row.tobytes() for path, row in zip(table.paths, rows, strict=True)}


def test_there_are_at_least_80_of_them() -> None:
    assert len(ANIMALS) >= 80
    assert sum(bool(animal.reason) for animal in ANIMALS) >= 80


@pytest.mark.parametrize("animal", ANIMALS, ids=lambda animal: ascii(animal.name))
@pytest.mark.filterwarnings("ignore::Warning:PIL")
def test_a_file_among_good_ones_is_taken_or_skipped_and_changes_no_row(
    animal: Animal,
    good: list[Path],
    passed: Callable[[list[Path]], FeatureTable],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "class").mkdir()
    path = animal.release(tmp_path / "class")
    before = rows_of(passed(good))
    start = time.perf_counter()
    table = passed([good[0], path, *good[1:]])
    assert time.perf_counter() - start < SECONDS
    rows = rows_of(table)
    assert {known: rows[known] for known in good} == before
    if animal.reason:
        [skipped] = table.skipped
        assert skipped.path == path
        assert animal.reason in skipped.reason
        assert not re.search(r"<_io|object at|b'|buffer|decoder|NoneType", skipped.reason)
    else:
        assert table.skipped == []
        assert path in rows
    assert capfd.readouterr().err == ""


LAUNCHER = """
import json, os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
out, err = process.stdout.read(), process.stderr.read()
_, status, usage = os.wait4(process.pid, 0)
json.dump([os.waitstatus_to_exitcode(status), out.decode(errors="surrogateescape"),
           err.decode(errors="surrogateescape"), usage.ru_maxrss], sys.stdout)
"""
"""Runs a command from a small process: a child's peak counts from what its parent had."""


def train(data: Path, output: Path, cache: Path, *flags: str) -> tuple[int, str, str, int]:
    """Train as a process; return status, output, complaints and the peak of its memory in bytes."""
    module = ["-m", "torch_inception.train"]
    arguments = [
        *module,
        "--data",
        str(data),
        "--output",
        str(output),
        "--weights",
        WEIGHTS,
        *flags,
    ]
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, sys.executable, "-X", "utf8", *arguments],
        env={**os.environ, CACHE_VARIABLE: str(cache)}, capture_output=True, check=True,
    )  # fmt: skip
    status, out, err, kilobytes = json.loads(done.stdout)
    return status, out, err, kilobytes * 1024


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "patterns"
    draw_patterns(folder, 15)
    return folder


@pytest.mark.real_weights
def test_training_goes_on_among_all_of_them_in_bounded_memory(
    patterns: Path, real_cache: Path, tmp_path: Path
) -> None:
    one, other = (new_cache(tmp_path / name, real_cache) for name in ("one", "other"))
    alone = train(patterns, tmp_path / "alone", one)
    assert alone[0] == 0, alone[2]
    folder = patterns / "stripes" / "zoo"
    folder.mkdir()
    bad = {os.fsencode(animal.release(folder).name) for animal in ANIMALS if animal.reason}
    for animal in ANIMALS:
        if not animal.reason:
            animal.release(folder)
    status, out, err, memory = train(patterns, tmp_path / "run", other)
    assert status == 0, err
    assert memory - alone[3] < MEMORY
    assert f"{len(bad)} files skipped" in out
    complaints = [line for line in err.splitlines() if not line.startswith("skipped: ")]
    assert not re.search("Warning|Traceback|TIFF|PIL", "\n".join(complaints)), complaints
    with (tmp_path / "run" / "skipped.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["path"]: row["reason"] for row in csv.DictReader(file)}
    names = {f"stripes/zoo/{os.fsdecode(name)}" for name in bad}
    assert set(listed) == {name.encode(errors="backslashreplace").decode() for name in names}
    assert all(listed.values())
    assert same_rows(patterns, one, other)


def new_cache(folder: Path, real_cache: Path) -> Path:
    """Make a cache that has the weights, and no rows."""
    (folder / "weights").mkdir(parents=True)
    for path in (real_cache / "weights").iterdir():
        (folder / "weights" / path.name).symlink_to(path)
    return folder


def same_rows(patterns: Path, one: Path, other: Path) -> bool:
    """Tell whether two caches have the same bytes for the good images."""
    paths = [patterns / kind / f"{n}.png" for kind in ("dots", "stripes") for n in range(15)]
    digests = [hashlib.sha256(read_file(path)).digest() for path in paths]
    found = []
    for cache in (one, other):
        [space] = {folder.name for folder in (cache / "features").iterdir()}
        store = RowStore(cache / "features" / space)
        table, places = store.table(digests)
        found.append([table[places[digest]].numpy().tobytes() for digest in digests])
    return found[0] == found[1]
