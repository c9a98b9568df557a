"""Measure the pass on a cluster: rows written, found again and taken over, and the whole pass.

    python -m benchmarks.cluster

Rows of the first table are synthetic, and their files have one byte each; all but the last columns
runs in one process, without Ray. Beside seconds of the clock there are those of the processor,
which say more on a machine that others use too. The last columns have a pass by Ray over the same
files, which are no images, and what the command itself holds (`RssAnon` of Linux) meanwhile. The
second table has the pass over JPEGs with real weights, on the cores of this machine: by `run_pass`,
then by Ray, in turns.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy
from pyarrow import parquet

from benchmarks.jpegs import make_jpegs
from benchmarks.machine import processor
from benchmarks.scale import ZeroEngine, anonymous_memory, in_own_process, peak_memory
from torch_inception.config import DEFAULT_WEIGHTS, FeaturesConfig
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cache.open_store import open_row_store
from torch_inception.features.cached_pass import run_pass
from torch_inception.features.cluster.blocks import MOST_ROWS
from torch_inception.features.cluster.listing import Listing, State, list_folder
from torch_inception.features.cluster.missing import find_missing
from torch_inception.features.cluster.shard_folders import open_folder
from torch_inception.features.cluster.shards import ShardRow, Shards, shard_name
from torch_inception.features.cluster.take_over import TakeOver
from torch_inception.features.cluster.write_rows import write_rows
from torch_inception.images.facts import FACTS, ImageFacts
from torch_inception.images.find import find_images
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import ROW_SIZE
from torch_inception.weights.load import load_weights

SPACE = "synthetic"
IN_A_FOLDER = 10_000

Result = TypeVar("Result")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000, 200_000])
    parser.add_argument("--images", type=int, default=1200)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    if any(arguments.rows):
        print("| rows | listed | written | found again | taken over | by Ray | memory | again |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for count in filter(None, arguments.rows):
        with tempfile.TemporaryDirectory() as folder:
            files = draw_files(Path(folder, "images"), count)
            rows = in_own_process(measure_rows, files)
            print(f"{rows} {in_own_process(measure_driver, files)}", flush=True)
    if arguments.images:
        print("\n| images | run_pass | Ray, from the first shard to the last | Ray, whole |")
        print("| --- | --- | --- | --- |")
        for _ in range(arguments.rounds):
            with tempfile.TemporaryDirectory() as folder:
                print(measure_pass(Path(folder), arguments.images), flush=True)
    print(f"\n{processor()}")


def draw_files(images: Path, count: int) -> Path:
    """Make files of one byte each; return their folder."""
    for number in range(count):
        if number % IN_A_FOLDER == 0:
            (images / f"{number}").mkdir(parents=True)
        (images / f"{number // IN_A_FOLDER * IN_A_FOLDER}" / f"{number}.jpg").write_bytes(b"-")
    return images


def measure_driver(folder: Path, images: Path) -> str:
    """Return the end of a line of the table: the pass by Ray, and a second one."""
    config = FeaturesConfig(data=str(images), shards=str(folder / "shards"))
    before = anonymous_memory()
    with peak_memory() as peak:
        _, first = _timed(lambda: write_rows(config, engine=ZeroEngine()))
    done, again = _timed(lambda: write_rows(config, engine=ZeroEngine()))
    assert done.computed == 0
    return f"{first} | {(before + peak[0]) / 2**30:.2f} GiB | {again} |"


def measure_rows(folder: Path, images: Path) -> str:
    """Return the beginning of the line of the table for a number of files."""
    listing, listed = _timed(lambda: list_folder(images))
    count = len(listing)
    shards = Shards(open_folder(str(folder / "shards")), SPACE)
    _, written = _timed(lambda: _write(listing, shards))
    missing, found = _timed(lambda: find_missing(listing, shards))
    assert missing.present == count
    cache = folder / "cache"
    store, index = open_row_store(cache, space=SPACE), FileIndex(cache)

    paths = list(map(Path, listing.names))

    def take_over() -> None:
        taking = TakeOver(listing, paths, shards, store, index, None)
        for name in missing.shards:
            taking(name)
        taking.finish()

    _, taken = _timed(take_over)
    assert len(store) == count
    return f"| {count:,} | {listed} | {written} | {found} | {taken} |"


def _write(listing: Listing, shards: Shards) -> None:
    generator = numpy.random.default_rng(0)
    facts = numpy.array([ImageFacts(640, 480, "JPEG", "RGB", 99, 50, 900, 2**63)], FACTS)[0]
    values = generator.random((MOST_ROWS, ROW_SIZE), numpy.float32).astype("<f2")
    digests = generator.bytes(32 * len(listing))
    with shards.folder.marked() as run:
        for start in range(0, len(listing), MOST_ROWS):
            places = range(start, min(start + MOST_ROWS, len(listing)))
            rows = [
                ShardRow(
                    listing.address(place), "", listing.labels[place],
                    State(*listing.states[place].tolist()),
                    digests[32 * place : 32 * place + 32], None, row, facts,
                )
                for place, row in zip(places, values, strict=False)
            ]  # fmt: skip
            shards.write(shard_name(start), rows, run=run)


def measure_pass(folder: Path, count: int) -> str:
    """Return the line of the table of the pass over JPEGs."""
    images = make_jpegs(folder / "data", (640, 480), count)
    engine = load_engine(load_weights(DEFAULT_WEIGHTS), device=choose_device("cpu"))
    paths = list(find_images(images))
    start = time.perf_counter()
    run_pass(engine, Preprocessing(), paths, cache=folder / "cache")
    local = time.perf_counter() - start
    config = FeaturesConfig(data=str(images), shards=str(folder / "shards"))
    start = time.perf_counter()
    write_rows(config, engine=engine)
    whole = time.perf_counter() - start
    rate, ready = count / local, _rate_of_shards(folder / "shards")
    return (
        f"| {count} | {rate:.1f} a second | {ready:.1f} a second, {ready / rate:.2f} "
        f"| {count / whole:.1f} a second, {local / whole:.2f} |"
    )


def _rate_of_shards(folder: Path) -> float:
    """Return rows a second, from the time at which the first two shards were written."""
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    first = 2
    rows = sum(parquet.read_metadata(file).num_rows for file in files[first:])
    seconds = files[-1].stat().st_mtime - files[first - 1].stat().st_mtime
    return float(rows / seconds)


def _timed(work: Callable[[], Result]) -> tuple[Result, str]:
    start, processor_start = time.perf_counter(), time.process_time()
    result = work()
    seconds, used = time.perf_counter() - start, time.process_time() - processor_start
    return result, f"{seconds:.1f} s ({used:.1f})"


if __name__ == "__main__":
    main()
