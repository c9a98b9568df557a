"""Same data, configuration and seed: the same bits, whatever the machine happens to do."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from tests import processes
from tests.drawings import landscape
from tests.fakes import FakeEngine
from tests.processes import run_python
from tests.test_end_to_end import WEIGHTS, draw
from torch_inception.commands.train import main
from torch_inception.config import Solver, TrainConfig
from torch_inception.engines.choose import load_engine
from torch_inception.engines.openvino.float32 import float32_engine
from torch_inception.engines.openvino.quantisation import evened_out
from torch_inception.engines.protocol import Engine, Rows
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.fit import fit_head
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.solvers.covariance import Covariance
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.network import LAST_LAYER_SIZE, ROW_SIZE
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.system.threads import one_thread
from torch_inception.training.evaluation import history
from torch_inception.weights.load import load_weights

Result = TypeVar("Result")

IMAGES = 12

NOT_OF_THE_MODEL = {
    "seconds": None,
    "features": ("computed", "reused", "images_per_second"),
}
"""What metrics.json says of how the run went; None stands for the whole entry."""


def metrics_of(run: Path) -> dict[str, Any]:
    """Read what metrics.json says of the model."""
    metrics: dict[str, Any] = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    for name, fields in NOT_OF_THE_MODEL.items():
        entry = metrics.pop(name)
        if fields is not None:
            metrics[name] = {key: value for key, value in entry.items() if key not in fields}
    return metrics


def assert_equal(ours: Mapping[str, object], theirs: Mapping[str, object]) -> None:
    """Compare tables of tensors, plain values and such tables, bit for bit."""
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        other = theirs[name]
        if isinstance(value, Mapping):
            assert isinstance(other, Mapping), name
            assert_equal(value, other)
        elif isinstance(value, torch.Tensor):
            assert isinstance(other, torch.Tensor), name
            assert torch.equal(value, other), name
        else:
            assert value == other, name


def assert_same(one: Path, other: Path) -> None:
    """Compare two runs bit for bit."""
    ours, theirs = (torch.load(run / "model.pt", weights_only=True) for run in (one, other))
    dates = [each["training"].pop("created") for each in (ours, theirs)]
    assert all(dates)
    assert_equal(ours, theirs)
    near = [torch.load(run / "neighbours.pt", weights_only=True) for run in (one, other)]
    assert_equal(*near)
    assert metrics_of(one) == metrics_of(other)
    for name in ("splits.csv", "predictions.csv", "history.csv", "labels.txt", "skipped.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


# --- whole runs, as processes, with real weights


def make_data(folder: Path, numbers: Sequence[int], *, first_class: str = "dots") -> Path:
    """Draw two classes, in the order given: that of the files on disk."""
    for kind in (first_class, "dots", "stripes"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        for kind in ("stripes", "dots"):
            file = folder / kind / f"{number}.png"
            draw(kind, number).save(file)
            os.utime(file, (1e9 + number, 1e9 + 7 * number))
    return folder


COMMAND = ("-m", "torch_inception.train")

BACKWARDS = """
import contextlib, os, sys
scandir, listdir = os.scandir, os.listdir
@contextlib.contextmanager
def backwards(folder="."):
    with scandir(folder) as scan:
        yield iter(sorted(scan, key=lambda entry: entry.name, reverse=True))
os.scandir = backwards
os.listdir = lambda folder=".": sorted(listdir(folder), reverse=True)
from torch_inception.train import main
sys.exit(main(sys.argv[1:]))
"""
"""The command where the operating system lists folders in another order."""


def train(
    data: Path, output: Path, cache: Path, *,
    python: Sequence[str] = COMMAND, cores: int | None = None, **variables: str,
) -> str:  # fmt: skip
    """Train as a process, on so many cores; return what it shows."""
    if python == COMMAND and cores is None and not variables:
        return _train_in_fork_server(data, output, cache)
    done = subprocess.run(
        [
            sys.executable, *python, "--data", str(data), "--output", str(output),
            "--weights", WEIGHTS,
        ],
        env={**os.environ, CACHE_VARIABLE: str(cache), **variables},
        preexec_fn=lambda: _bind(cores), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _train_in_fork_server(data: Path, output: Path, cache: Path) -> str:
    flags: list[str | Path] = ["--data", data, "--output", output, "--weights", WEIGHTS]
    environment = {**os.environ, CACHE_VARIABLE: str(cache)}
    done = run_python(processes.COMMAND, "train", *flags, environment=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _bind(cores: int | None) -> None:
    if cores is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def new_cache(folder: Path, real_cache: Path) -> Path:
    shutil.copytree(real_cache / "weights", folder / "weights")
    return folder


def rows_file(cache: Path) -> bytes:
    (file,) = (cache / "features").glob("*/rows.bin")
    return file.read_bytes()


class First(NamedTuple):
    """A run that others are compared with."""

    data: Path
    output: Path
    cache: Path


@pytest.fixture(scope="module")
def first(real_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> First:
    """Train from an empty cache, on all cores."""
    folder = tmp_path_factory.mktemp("first")
    data = make_data(folder / "data", range(IMAGES))
    cache = new_cache(folder / "cache", real_cache)
    shown = train(data, folder / "run", cache)
    assert f"features: {2 * IMAGES} computed, 0 reused" in shown
    return First(data, folder / "run", cache)


@pytest.mark.real_weights
def test_rows_from_the_cache_change_no_bit(first: First, tmp_path: Path) -> None:
    shown = train(first.data, tmp_path / "again", first.cache)
    assert f"features: 0 computed, {2 * IMAGES} reused" in shown
    assert_same(first.output, tmp_path / "again")


@pytest.mark.real_weights
def test_order_times_and_place_of_files_and_the_number_of_cores_change_no_bit(
    first: First, real_cache: Path, tmp_path: Path
) -> None:
    moved = make_data(tmp_path / "data", range(IMAGES)[::-1], first_class="stripes")
    cache = new_cache(tmp_path / "cache", real_cache)
    shown = train(
        moved, tmp_path / "moved", cache,
        python=("-c", BACKWARDS), cores=1, OMP_NUM_THREADS="1",
    )  # fmt: skip
    assert f"features: {2 * IMAGES} computed, 0 reused" in shown
    assert_same(first.output, tmp_path / "moved")
    assert (first.output / "labels.txt").read_text() == "dots\nstripes\n"
    assert rows_file(cache) == rows_file(first.cache)


@pytest.mark.real_weights
def test_a_cache_that_another_data_set_filled_changes_no_bit(
    first: First, real_cache: Path, tmp_path: Path
) -> None:
    # Other names and classes, and images in between: rows of other numbers, some not needed.
    for number in range(IMAGES + 3):
        for place, kind in enumerate(("stripes", "dots")):
            folder = tmp_path / "others" / f"class{(number + place) % 2}"
            folder.mkdir(parents=True, exist_ok=True)
            draw(kind, number).save(folder / f"{97 * number % 31}{kind}.png")
    cache = new_cache(tmp_path / "cache", real_cache)
    train(tmp_path / "others", tmp_path / "run of others", cache)
    shown = train(first.data, tmp_path / "run", cache)
    assert f"features: 0 computed, {2 * IMAGES} reused" in shown
    assert not rows_file(cache).startswith(rows_file(first.cache))
    assert_same(first.output, tmp_path / "run")


# --- rows of features


def crops() -> list[numpy.ndarray[Any, numpy.dtype[numpy.uint8]]]:
    """Cut seven different images out of one."""
    image = Image.fromarray(landscape())
    width, height = image.size
    return [
        Preprocessing()(image.crop((8 * i, 5 * i, width - 6 * i, height - 9 * i))) for i in range(7)
    ]


@pytest.fixture
def float32(random_weights: Path) -> TorchEngine:
    return load_engine(load_weights(random_weights), device=torch.device("cpu"))


def rows_in_batches(engine: Engine, size: int) -> Tensor:
    session, images = engine.session(), crops()
    with one_thread():
        parts = [
            torch.from_numpy(session(images[start : start + size]).copy())
            for start in range(0, len(images), size)
        ]
    return torch.cat(parts)


def on_threads(threads: int, work: Callable[[], Result]) -> Result:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        return work()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("kind", ["torch", "openvino"])
def test_a_row_does_not_depend_on_its_batch_nor_on_torchs_threads(
    float32: TorchEngine, kind: str
) -> None:
    engine: Engine = float32
    if kind == "openvino":
        pytest.importorskip("openvino")
        engine = float32_engine(float32)
    alone = on_threads(2, partial(rows_in_batches, engine, 1))
    assert alone.std(dim=0).max() > 0
    for size, threads in ((2, 1), (3, 2), (engine.batch_size, 2)):
        rows = on_threads(threads, partial(rows_in_batches, engine, size))
        assert torch.equal(rows, alone), (size, threads)


def test_what_is_quantised_does_not_depend_on_torchs_threads(float32: TorchEngine) -> None:
    def numbers() -> Tensor:
        network, factors = evened_out(float32, crops())
        return torch.cat([factors, *(values.flatten() for values in network.parameters())])

    assert torch.equal(on_threads(1, numbers), on_threads(2, numbers))


# --- the head, and what is said of it


def labelled_rows(count: int, *, seed: int, classes: int = 4) -> LabelledRows:
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(classes, (count,), generator=generator)
    centres = torch.rand(classes, LAST_LAYER_SIZE, generator=torch.Generator().manual_seed(99))
    noise = torch.randn(count, LAST_LAYER_SIZE, generator=generator)
    rows = (centres[targets] + 1.5 * noise).half()
    return LabelledRows(RowSelection.of(rows), targets, classes)


@pytest.mark.parametrize(
    ("solver", "count"),
    [("lda", 400), ("lda", 1200), ("lda", 2100), ("lbfgs", 1200), ("sgd", 1200)],
)
@pytest.mark.usefixtures("products_as_they_were")
def test_a_head_and_its_history_are_alike_on_any_threads_and_for_any_precision_of_products(
    solver: Solver, count: int
) -> None:
    rows, validation = labelled_rows(count, seed=1), labelled_rows(300, seed=2)
    config = TrainConfig(solver=solver, layers="last", steps=100, eval_interval=50)

    def fit() -> tuple[Tensor, object]:
        fitted = fit_head(config, rows, validation)
        head = torch.cat([fitted.head.weight, fitted.head.bias[:, None]], dim=1)
        chosen = fitted.chosen
        return head, (chosen.setting, chosen.temperature, history(fitted))

    first, said = on_threads(2, fit)
    torch.set_float32_matmul_precision("medium")
    head, also_said = on_threads(1, fit)
    assert torch.equal(head, first)
    assert also_said == said


@pytest.fixture
def products_as_they_were() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


def test_a_covariance_is_alike_on_any_number_of_cores() -> None:
    generator = torch.Generator().manual_seed(5)
    rows = torch.randn(900, 700, generator=generator, dtype=torch.float64)
    one, other = (
        Covariance(torch.split(rows, 300), count=900, size=700, cores=cores) for cores in (1, 3)
    )
    assert torch.equal(one.inverse(0.1), other.inverse(0.1))
    assert torch.equal(one.coordinates(rows), other.coordinates(rows))


class NoiseEngine(FakeEngine):
    """An engine whose rows differ in all places."""

    def rows(self, images: Sequence[Pixels]) -> Rows:
        pixels = torch.from_numpy(numpy.stack(images)).permute(0, 3, 1, 2)
        small = functional.adaptive_avg_pool2d(pixels.float(), 26).flatten(1)
        rows: Rows = functional.pad(small / 255, (ROW_SIZE - small.shape[1], 0)).numpy()
        return rows


@pytest.mark.parametrize("solver", ["lda", "lbfgs", "sgd"])
def test_a_run_on_two_threads_is_the_run_on_one(tmp_path: Path, solver: Solver) -> None:
    random = numpy.random.default_rng(0)
    for kind in ("smooth", "rough"):
        (tmp_path / "data" / kind).mkdir(parents=True)
        for number in range(300):
            noise = random.integers(60, 190, (24, 24, 3), numpy.uint8)
            image = Image.fromarray(noise)
            if kind == "smooth":
                image = image.resize((22, 22)).resize((24, 24))
            image.save(tmp_path / "data" / kind / f"{number}.png")
    arguments = ["--data", str(tmp_path / "data"), "--solver", solver, "--steps", "200"]
    for threads in (1, 2):
        output = ["--output", str(tmp_path / f"run{threads}")]
        train_noise = partial(main, [*arguments, *output], engine=NoiseEngine())
        assert on_threads(threads, train_noise) == 0
    assert_same(tmp_path / "run1", tmp_path / "run2")
