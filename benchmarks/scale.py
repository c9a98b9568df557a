"""Measure time and memory as data sets grow: the feature cache, the head, a folder of files.

    python -m benchmarks.scale

Rows are synthetic: ten classes around centres of their own. Each size is measured in a process of
its own. Memory is the peak of what the process itself holds (`RssAnon` of Linux), without the page
cache that the memory-mapped rows lie in, and without what torch takes when it is imported.
"""

import argparse
import hashlib
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy
import torch

from benchmarks.machine import processor
from torch_inception.config import TrainConfig
from torch_inception.datasets.dataset import read_dataset
from torch_inception.engines.protocol import Session
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cache.open_store import open_row_store
from torch_inception.features.cache.row_store import RowStore, StoredRow
from torch_inception.features.cached_pass import run_pass
from torch_inception.features.image_rows import row_space
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.fit import fit_head
from torch_inception.heads.labelled_rows import LabelledRows, all_answers
from torch_inception.heads.metrics import summary
from torch_inception.images.facts import ImageFacts
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import ROW_SIZE
from torch_inception.system.file_state import FileState, file_state
from torch_inception.training.earlier_split import NO_SPLIT
from torch_inception.training.examples import make_examples
from torch_inception.weights.record import WeightsRecord

CLASSES = 10
PORTION = 10_000
TEST_SHARE = 0.1
SPACE = "synthetic"
FACTS_OF_NONE = ImageFacts(299, 299, "", "", 0, 0, 0, 0)

Given = TypeVar("Given")
Result = TypeVar("Result")


class StillEngine:
    """An engine that must not be asked: every row is cached."""

    record = WeightsRecord("none", "none", "0" * 64, "torchvision")
    arithmetic = "none"
    identity = SPACE
    batch_size = 1
    workers = 1

    def session(self) -> Session:
        """Fail."""
        raise AssertionError("a row was to be computed")


class ZeroEngine(StillEngine):
    """An engine whose rows are all zeros."""

    def session(self) -> Session:
        """Return a function that computes nothing."""
        return lambda images: numpy.zeros((len(images), ROW_SIZE), numpy.float32)


def main() -> None:
    """Print a table of sizes, then one of a folder of files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--files", type=int, default=100_000)
    arguments = parser.parse_args()
    print("| rows | cache opened | all looked up | head fitted | its test accuracy | memory |")
    print("| --- | --- | --- | --- | --- | --- |")
    for count in arguments.rows:
        print(in_own_process(measure_rows, count), flush=True)
    print("\n| files | listed | checked against the cache | split | memory |")
    print("| --- | --- | --- | --- | --- |")
    print(in_own_process(measure_files, arguments.files))
    print(f"\n{processor()}")


def measure_rows(folder: Path, count: int) -> str:
    """Return the line of the table for a number of rows."""
    generator = numpy.random.default_rng(0)
    digests = [generator.bytes(32) for _ in range(count)]
    targets = torch.from_numpy(generator.integers(0, CLASSES, count))
    _fill(open_row_store(folder, space=SPACE), digests, targets)
    with peak_memory() as peak:
        opened, store = _timed(lambda: open_row_store(folder, space=SPACE))
        looked_up, (rows, places) = _timed(lambda: store.look_up(digests))
        numbers = torch.tensor([places[digest] for digest in digests])
        fitted, accuracy = _timed(
            lambda: _fit(
                RowSelection(rows, numbers),
                targets,
                torch.from_numpy(generator.random(count)),
            )
        )
    return (
        f"| {count} | {opened:.2f} s | {looked_up:.1f} s | {fitted:.1f} s | {accuracy:.3f} "
        f"| {peak[0] / 2**30:.2f} GiB |"
    )


def measure_files(folder: Path, count: int) -> str:
    """Return the line of the table for a folder of unchanged files."""
    data, cache = folder / "data", folder / "cache"
    for number in range(count):
        file = data / f"class_{number % CLASSES}" / f"{number:07d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"image %d" % number)
    _remember(data, cache)
    with peak_memory() as peak:
        listed, dataset = _timed(lambda: read_dataset(data))
        engine, preprocessing = StillEngine(), Preprocessing()
        checked, result = _timed(
            lambda: run_pass(engine, preprocessing, dataset.paths, cache=cache)
        )
        config = TrainConfig(holdout=TEST_SHARE, near_duplicates="ignore")
        kept = NO_SPLIT
        split, examples = _timed(lambda: make_examples(config, dataset, result, kept=kept))
    assert len(examples.parts) == count
    memory = peak[0] / 2**30
    return f"| {count} | {listed:.1f} s | {checked:.1f} s | {split:.1f} s | {memory:.2f} GiB |"


def _fill(store: RowStore, digests: list[bytes], targets: torch.Tensor) -> None:
    """Append synthetic rows, all above 0: e to the centre of the class and much noise."""
    generator = numpy.random.default_rng(1)
    centres = generator.random((CLASSES, ROW_SIZE), numpy.float32)
    for start in range(0, len(digests), PORTION):
        chosen = digests[start : start + PORTION]
        noise = generator.standard_normal((len(chosen), ROW_SIZE), numpy.float32)
        rows = numpy.exp(centres[targets[start : start + PORTION]] / 4 + noise).astype("<f2")
        stored = (StoredRow(row, FACTS_OF_NONE) for row in rows)
        store.append(dict(zip(chosen, stored, strict=True)))


def _remember(data: Path, cache: Path) -> None:
    """Hash the files and put a row of zeros into the cache for each."""
    engine, preprocessing = StillEngine(), Preprocessing()
    store = open_row_store(cache, space=row_space(engine, preprocessing))
    files: list[tuple[Path, FileState, bytes]] = []
    for path in read_dataset(data).paths:
        state = file_state(path)
        assert state is not None
        files.append((path, state, hashlib.sha256(path.read_bytes()).digest()))
    FileIndex(cache).remember(files)
    row = StoredRow(numpy.zeros(ROW_SIZE, "<f2"), FACTS_OF_NONE)
    store.append(dict.fromkeys((digest for _, _, digest in files), row))


def _fit(rows: RowSelection, targets: torch.Tensor, position: torch.Tensor) -> float:
    """Fit and report as training does; return the test accuracy."""
    # In training rows are grouped by content, so that they are not read in their own order.
    groups = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    everything = LabelledRows(rows, targets, CLASSES, groups=groups)
    train, test = (
        everything.subset(position >= TEST_SHARE),
        everything.subset(position < TEST_SHARE),
    )
    fitted = fit_head(TrainConfig(), train, train.subset(torch.arange(0)))
    all_answers([fitted.head], train)
    (answers,) = all_answers([fitted.head], test)
    return float(summary(answers)["accuracy"])


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """Yield a list whose one number grows to the peak, in bytes, above what there was before."""
    before = anonymous_memory()
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], anonymous_memory() - before)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield peak
    finally:
        done.set()
        watching.join()


def anonymous_memory() -> int:
    """Return what this process holds, in bytes, without the page cache."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def in_own_process(measure: Callable[[Path, Given], str], given: Given) -> str:
    """Return what a function makes of an empty folder and an argument, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(measure, Path(folder), given).result()


if __name__ == "__main__":
    main()
