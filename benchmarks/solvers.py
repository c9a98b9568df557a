"""Compare the ways of fitting a head, on three kinds of images.

    python -m benchmarks.solvers

Each data set is split anew ten times; a tenth is for the test. Discriminant analysis chooses its
strength by leave-one-out, the others by another tenth, as in training. Needs the `benchmark` extra:
pip install ".[benchmark]".
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import torch

from benchmarks import ridge
from benchmarks.images import make_digits, make_patches
from torch_inception.config import DEFAULT_WEIGHTS, Layers, TrainConfig
from torch_inception.datasets.dataset import read_dataset
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.engines.protocol import Engine
from torch_inception.features.cached_pass import run_pass
from torch_inception.heads.fit import fit_head
from torch_inception.heads.head import Head
from torch_inception.heads.labelled_rows import LabelledRows, all_answers
from torch_inception.heads.metrics import summary
from torch_inception.heads.solvers.selection import best_of, read_layers, try_validation
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_folder
from torch_inception.weights.load import load_weights

SPLITS = 10

SMALL_CLASS = 25
"""Images per class of the small data sets, drawn anew for each split."""

TEST_SHARE = VALIDATION_SHARE = 0.1

Fit = Callable[[LabelledRows, torch.Tensor], Head]
"""Fits on rows, given which of them (N,) may be held out for validation."""


def main() -> None:
    """Print one table row for each data set and solver."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    parser.add_argument("--layers", choices=get_args(Layers), default="all")
    arguments = parser.parse_args()
    engine = load_engine(load_weights(arguments.weights), device=choose_device("auto"))
    print("| data set | images | solver | test accuracy | cross entropy | seconds |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folders = {
            "shapes": Path("training_dataset"),
            "digits": make_digits(Path(name) / "digits"),
            "patches": make_patches(Path(name) / "patches"),
        }
        for data, folder in folders.items():
            rows = labelled_rows(engine, folder)
            for count in (SMALL_CLASS, None):
                for solver, fit in _solvers(arguments.layers).items():
                    size = len(rows) if count is None else f"{count} a class"
                    print(
                        f"| {data} | {size} | {solver} | {_measure(rows, fit, count)} |", flush=True
                    )


def by_config(config: TrainConfig) -> Fit:
    """Return a way of fitting as training does."""

    def fit(rows: LabelledRows, is_validation: torch.Tensor) -> Head:
        if not config.with_validation:
            return fit_head(config, rows, rows.subset(torch.arange(0))).head
        return fit_head(config, rows.subset(~is_validation), rows.subset(is_validation)).head

    return fit


def by_ridge(rows: LabelledRows, is_validation: torch.Tensor) -> Head:
    """Fit by ridge regression, the strength chosen by validation."""
    train, validation = rows.subset(~is_validation), rows.subset(is_validation)
    return best_of(try_validation(ridge.fit_path, ridge.STRENGTHS, train, validation)).head


def _solvers(layers: Layers) -> dict[str, Fit]:
    return {
        "lda": by_config(TrainConfig(layers=layers)),
        "lbfgs": by_config(TrainConfig(solver="lbfgs", layers=layers)),
        "sgd": by_config(TrainConfig(solver="sgd", layers=layers)),
        "ridge": lambda rows, is_validation: by_ridge(read_layers(rows, layers), is_validation),
    }


def labelled_rows(engine: Engine, folder: Path) -> LabelledRows:
    """Return the labelled features of a folder of class folders."""
    dataset = read_dataset(folder)
    result = run_pass(engine, Preprocessing(), dataset.paths, cache=cache_folder(), progress=True)
    targets = dict(zip(dataset.paths, dataset.targets, strict=True))
    return LabelledRows(
        result.rows,
        torch.tensor([targets[path] for path in result.paths]),
        len(dataset.classes),
    )


def drawn(rows: LabelledRows, count: int, generator: torch.Generator) -> torch.Tensor:
    """Return the positions (K,), in order, of a number of rows of each class."""
    order = torch.randperm(len(rows), generator=generator)
    chosen = [order[rows.targets[order] == label][:count] for label in range(rows.classes)]
    return torch.cat(chosen).sort().values


def split_measures(
    everything: LabelledRows, fit: Fit, count: int | None = None
) -> list[tuple[float, float, float]]:
    """Split anew ten times; return (test accuracy, test cross entropy, seconds to fit) of each."""
    measures = []
    for number in range(SPLITS):
        generator = torch.Generator().manual_seed(number)
        rows = (
            everything if count is None else everything.subset(drawn(everything, count, generator))
        )
        position = torch.rand(len(rows), generator=generator)
        is_test = position < TEST_SHARE
        start = time.perf_counter()
        head = fit(rows.subset(~is_test), position[~is_test] >= 1 - VALIDATION_SHARE)
        seconds = time.perf_counter() - start
        (answers,) = all_answers([head], rows.subset(is_test))
        result = summary(answers)
        measures.append((result["accuracy"], result["cross_entropy"], seconds))
    return measures


def _measure(everything: LabelledRows, fit: Fit, count: int | None) -> str:
    accuracies, losses, seconds = zip(*split_measures(everything, fit, count), strict=True)
    spread = statistics.stdev(accuracies) / SPLITS**0.5
    return (
        f"{statistics.mean(accuracies):.3f} ± {spread:.3f} | {statistics.mean(losses):.3f} | "
        f"{statistics.median(seconds):.2f}"
    )


if __name__ == "__main__":
    main()
