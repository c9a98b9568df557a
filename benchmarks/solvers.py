"""Compare the ways of fitting a head, on three kinds of images.

    python -m benchmarks.solvers

Each data set is split anew ten times into 80 % training, 10 % validation and 10 % test; each
solver chooses its strength by validation (folds under 50 images), as in training. Needs the
`benchmark` extra: pip install ".[benchmark]".
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks import ridge
from benchmarks.images import make_digits, make_patches
from torch_inception.config import DEFAULT_WEIGHTS, TrainConfig
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.engines.protocol import Engine
from torch_inception.features.cached_pass import run_pass
from torch_inception.heads.fit import fit_head
from torch_inception.heads.head import Head
from torch_inception.heads.inputs import Inputs
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.solvers import discriminant, logistic
from torch_inception.heads.solvers.selection import FOLDS, FitPath, choose
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_folder
from torch_inception.training.dataset import read_dataset
from torch_inception.training.evaluation import evaluate
from torch_inception.weights.load import load_weights

SPLITS = 10

SMALL_CLASS = 25
"""Images per class of the small data sets, drawn anew for each split."""

Fit = Callable[[LabelledRows, LabelledRows, torch.Tensor], Head]


def main() -> None:
    """Print one table row for each data set and solver."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
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
                for solver, fit in _solvers().items():
                    size = len(rows) if count is None else f"{count} a class"
                    print(
                        f"| {data} | {size} | {solver} | {_measure(rows, fit, count)} |", flush=True
                    )


def by_path(fit_path: FitPath, strengths: Sequence[float]) -> Fit:
    """Return a way of fitting that tries a path of strengths and keeps the best."""

    def fit(train: LabelledRows, validation: LabelledRows, folds: torch.Tensor) -> Head:
        return choose(
            fit_path, strengths,
            train=train, validation=validation, folds=folds, report=lambda _: None,
        ).head  # fmt: skip

    return fit


def _solvers() -> dict[str, Fit]:
    def descend(train: LabelledRows, validation: LabelledRows, folds: torch.Tensor) -> Head:
        config = TrainConfig(solver="sgd")
        return fit_head(config, train, validation, folds=folds, report=lambda _: None).head

    return {
        "lda": by_path(discriminant.fit_path, discriminant.STRENGTHS),
        "ridge": by_path(ridge.fit_path, ridge.STRENGTHS),
        "lbfgs": by_path(logistic.fit_path, logistic.STRENGTHS),
        "sgd": descend,
    }


def labelled_rows(engine: Engine, folder: Path) -> LabelledRows:
    """Return the labelled features of a folder of class folders."""
    dataset = read_dataset(folder)
    result = run_pass(engine, Preprocessing(), dataset.paths, cache=cache_folder(), progress=True)
    targets = dict(zip(dataset.paths, dataset.targets, strict=True))
    return LabelledRows(
        result.rows,
        torch.tensor([targets[path] for path in result.paths]),
        len(dataset.labels),
        inputs=Inputs("last"),
    )


def _drawn(rows: LabelledRows, count: int, generator: torch.Generator) -> LabelledRows:
    """Return a number of rows of each class."""
    order = torch.randperm(len(rows), generator=generator)
    chosen = [order[rows.targets[order] == label][:count] for label in range(rows.classes)]
    mask = torch.zeros(len(rows), dtype=torch.bool)
    mask[torch.cat(chosen)] = True
    return rows.subset(mask)


def split_measures(
    everything: LabelledRows, fit: Fit, count: int | None = None
) -> list[tuple[float, float, float]]:
    """Split anew ten times; return (test accuracy, test cross entropy, seconds to fit) of each."""
    measures = []
    for number in range(SPLITS):
        generator = torch.Generator().manual_seed(number)
        rows = everything if count is None else _drawn(everything, count, generator)
        position = torch.rand(len(rows), generator=generator)
        train, validation = rows.subset(position < 0.8), rows.subset(position >= 0.9)
        test = rows.subset((position >= 0.8) & (position < 0.9))
        folds = torch.arange(len(train) + len(validation)) % FOLDS
        start = time.perf_counter()
        head = fit(train, validation, folds)
        seconds = time.perf_counter() - start
        (result,) = evaluate([head], test)
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
