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

from tests.drawings import encoded
from tests.fakes import FakeEngine
from tests.robustness.fickle import become_folder, become_pipe, fickle_path, grow
from tests.robustness.zoo import IMAGE, Animal, zoo
from torch_inception.errors import ImageError
from torch_inception.features.cache.row_store import RowStore
from torch_inception.features.cached_pass import run_pass
from torch_inception.features.image_rows import FeatureRow, stream_rows
from torch_inception.images.pillow_settings import silent_libtiff
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import CACHE_VARIABLE

SECONDS = 10
"""How long any file may keep a run waiting."""

MEMORY = 10**9
"""Bytes in use by which a run with all of them may exceed one without."""

ANIMALS = zoo()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, bytes]:
    """Give good images and their rows."""
    folder = tmp_path_factory.mktemp("good")
    paths = [folder / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        IMAGE.rotate(90 * number).save(path)
    rows = stream_rows(FakeEngine(), Preprocessing(), paths)
    return {path: bytes_of(row) for path, row in zip(paths, rows, strict=True)}


def bytes_of(row: FeatureRow | ImageError) -> bytes:
    assert not isinstance(row, ImageError), row
    return row.tobytes()


def test_there_are_at_least_80_of_them() -> None:
    assert len(ANIMALS) >= 80
    assert sum(bool(animal.reason) for animal in ANIMALS) >= 80


@pytest.mark.parametrize("animal", ANIMALS, ids=lambda animal: ascii(animal.name))
@pytest.mark.filterwarnings("ignore::Warning:PIL")
def test_a_file_among_good_ones_is_taken_or_skipped_and_changes_no_row(
    animal: Animal, good: dict[Path, bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = animal.release(tmp_path)
    first, *others = good
    start = time.perf_counter()
    with silent_libtiff():
        found = stream_rows(FakeEngine(), Preprocessing(), [first, path, *others])
        row, result, *rows = found
    assert time.perf_counter() - start < SECONDS
    assert [bytes_of(each) for each in (row, *rows)] == list(good.values())
    if animal.reason:
        assert isinstance(result, ImageError)
        assert animal.reason in str(result)
        assert not re.search(r"<_io|object at|b'|buffer|decoder|NoneType", str(result))
    else:
        assert bytes_of(result)
    assert capfd.readouterr().err == ""


TRAIN = """
import sys
from tests.fakes import FakeEngine
from torch_inception.commands.train import main
sys.exit(main(sys.argv[1:], engine=FakeEngine()))
"""

LAUNCHER = """
import json, os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
out, err = process.stdout.read(), process.stderr.read()
_, status, usage = os.wait4(process.pid, 0)
json.dump([os.waitstatus_to_exitcode(status), out.decode(errors="surrogateescape"),
           err.decode(errors="surrogateescape"), usage.ru_maxrss], sys.stdout)
"""
"""Runs a command from a small process: a child's peak counts from what its parent had."""


FREED_AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": str(2**20)}
"""Has glibc give back what is freed, so that a peak is what was in use at that moment."""


def train(data: Path, place: Path) -> tuple[int, str, str, int]:
    """Train as a process; return status, output, complaints and the peak of its memory in bytes."""
    flags = ["--data", str(data), "--output", str(place / "run")]
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, sys.executable, "-X", "utf8", "-c", TRAIN, *flags],
        cwd=Path(__file__).parents[2], capture_output=True, check=True,
        env={**os.environ, CACHE_VARIABLE: str(place / "cache"), **FREED_AT_ONCE},
    )  # fmt: skip
    status, out, err, kilobytes = json.loads(done.stdout)
    return status, out, err, kilobytes * 1024


def test_training_goes_on_among_all_of_them_in_bounded_memory(
    colours: Path, tmp_path: Path
) -> None:
    good = list(colours.rglob("*.png"))
    one, other = tmp_path / "one", tmp_path / "other"
    alone = train(colours, one)
    assert alone[0] == 0, alone[2]
    folder = colours / "red" / "zoo"
    folder.mkdir()
    bad = {os.fsencode(animal.release(folder).name) for animal in ANIMALS if animal.reason}
    for animal in ANIMALS:
        if not animal.reason:
            animal.release(folder)
    status, out, err, memory = train(colours, other)
    assert status == 0, err
    assert memory - alone[3] < MEMORY
    assert f"{len(bad)} files skipped" in out
    complaints = [line for line in err.splitlines() if not line.startswith("skipped: ")]
    assert not re.search("Warning|Traceback|TIFF|PIL", "\n".join(complaints)), complaints
    with (other / "run" / "skipped.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["path"]: row["reason"] for row in csv.DictReader(file)}
    names = {f"red/zoo/{os.fsdecode(name)}" for name in bad}
    assert set(listed) == {name.encode(errors="backslashreplace").decode() for name in names}
    assert all(listed.values())
    assert rows_in(one / "cache", good) == rows_in(other / "cache", good)


def rows_in(cache: Path, paths: list[Path]) -> list[bytes]:
    """Return the bytes of the rows that a cache has for images."""
    [space] = {folder.name for folder in (cache / "features").iterdir()}
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in paths]
    rows, places = RowStore(cache / "features" / space).look_up(digests)
    return [rows[places[digest]].numpy().tobytes() for digest in digests]


@pytest.mark.parametrize("looks", [1, 2])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Path.unlink, "no such file"),
        (grow, "changed while it was being read"),
        (become_pipe, "a pipe"),
        (become_folder, "folder|directory"),
    ],
)
def test_a_file_that_changes_while_it_is_read_is_skipped(
    change: Callable[[Path], None],
    reason: str,
    looks: int,
    good: dict[Path, bytes],
    tmp_path: Path,
    own_cache: Path,
) -> None:
    path = tmp_path / "fickle.png"
    path.write_bytes(encoded(IMAGE, "PNG"))
    paths = [fickle_path(path, change, looks=looks), *good]
    table = run_pass(FakeEngine(), Preprocessing(), paths, cache=own_cache)
    assert table.paths == list(good)
    rows = table.rows.tensor().numpy()
    for row, known in zip(rows, good.values(), strict=True):
        # The cache keeps rows in half precision.
        assert row.tobytes() == numpy.frombuffer(known, "<f4").astype("<f2").astype("<f4").tobytes()
    [skipped] = table.skipped
    assert skipped.path == path
    assert re.search(reason, skipped.reason)
