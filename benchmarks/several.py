"""Compare the ways of fitting a head of independent classes, on images with several shapes each.

    python -m benchmarks.several FOLDER

FOLDER is what `python -m tools.draw_several --output FOLDER` drew. A third of the images is for the
test, drawn anew five times. Ridge regression chooses its strength per class by exact leave-one-out,
logistic regression by five folds; both are calibrated on what was held out.
"""

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from torch_inception.config import DEFAULT_WEIGHTS, TrainConfig
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.features.cached_pass import run_pass
from torch_inception.heads.choose_threshold import best_f1_threshold
from torch_inception.heads.fit_independent import fit_independent
from torch_inception.heads.labelled_rows import LabelledRows, all_scores
from torch_inception.heads.marked_rows import MarkedRows
from torch_inception.heads.platt import fit_platt
from torch_inception.heads.several_metrics import several_report
from torch_inception.heads.solvers.selection import read_layers
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_folder
from torch_inception.weights.load import load_weights

SPLITS, FOLDS = 5, 5
STRENGTHS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
ROW_NORM = 10.0

Answer = tuple[Tensor, Tensor]
"""Scores (N, C) of the test rows, and thresholds (C,)."""


def main() -> None:
    """Print a table row for each number of training images and solver."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    arguments = parser.parse_args()
    rows = marked_rows(arguments.folder, arguments.weights)
    solvers: dict[str, Callable[[MarkedRows, MarkedRows], Answer]] = {
        "ridge": by_ridge,
        "logistic": by_logistic,
    }
    print("| training images | solver | mAP | micro F1 | macro F1 | exact | log loss | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for count in (100, 300, 2 * len(rows) // 3):
        for name, solve in solvers.items():
            print(f"| {count} | {name} | {measure(rows, count, solve)} |", flush=True)


def marked_rows(folder: Path, weights: str) -> MarkedRows:
    """Return the rows of all images, with their marks."""
    engine = load_engine(load_weights(weights), device=choose_device("auto"))
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    paths = [folder / row["path"] for row in table]
    found = run_pass(engine, Preprocessing(), paths, cache=cache_folder())
    assert found.paths == paths
    names = sorted({name for row in table for name in row["labels"].split("|")})
    marks = [[int(name in row["labels"].split("|")) for name in names] for row in table]
    targets = torch.zeros(len(paths), dtype=torch.int64)
    return MarkedRows(LabelledRows(found.rows, targets, 1), torch.tensor(marks, dtype=torch.int8))


def measure(rows: MarkedRows, count: int, solve: Callable[[MarkedRows, MarkedRows], Answer]) -> str:
    """Return the means over the splits, as cells."""
    found: list[list[float]] = []
    labels = [str(number) for number in range(rows.classes)]
    for seed in range(SPLITS):
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
        test, train = rows.subset(order[: len(rows) // 3]), rows.subset(order[-count:])
        start = time.perf_counter()
        scores, thresholds = solve(train, test)
        seconds = time.perf_counter() - start
        report = several_report(scores, test.marks, thresholds, labels)
        loss = functional.binary_cross_entropy(scores.double(), test.marks.double())
        names = ("mean_average_precision", "micro_f1", "macro_f1", "exact_match")
        found.append([*(report[name] for name in names), float(loss), seconds])
    return " | ".join(f"{statistics.mean(each):.3f}" for each in zip(*found, strict=True))


def by_ridge(train: MarkedRows, test: MarkedRows) -> Answer:
    """Fit as training does."""
    fitted = fit_independent(TrainConfig(), train)
    return all_scores(fitted.head, test.rows), fitted.thresholds


def by_logistic(train: MarkedRows, test: MarkedRows) -> Answer:
    """Fit L2 logistic regression per class on all three layers."""
    rows = read_layers(train.rows, "all")
    inputs, wanted = rows.matrix().double(), train.marks.double()
    scale = ROW_NORM / float(inputs.square().sum(dim=1).mean().sqrt())
    inputs *= scale
    fold = torch.arange(len(train)) % FOLDS
    held_out = torch.empty(len(STRENGTHS), *wanted.shape, dtype=torch.float64)
    for number in range(FOLDS):
        kept = fold != number
        for place, (weight, bias) in enumerate(logistic_path(inputs[kept], wanted[kept])):
            held_out[place, ~kept] = inputs[~kept] @ weight.T + bias
    calibrated = [fit_platt(scores, wanted > 0) for scores in held_out]
    best = torch.stack([each.loss for each in calibrated]).argmin(dim=0)
    others = test.rows
    read = rows.inputs(others.features.tensor()).double() * scale
    path = logistic_path(inputs, wanted)
    scores = torch.empty(len(test), wanted.shape[1], dtype=torch.float64)
    thresholds = torch.empty(wanted.shape[1], dtype=torch.float64)
    for number, place in enumerate(best.tolist()):
        slope, shift = calibrated[place].slope[number], calibrated[place].shift[number]
        weight, bias = path[place]
        scores[:, number] = torch.sigmoid((read @ weight[number] + bias[number]) * slope + shift)
        own = torch.sigmoid(held_out[place, :, number] * slope + shift)
        thresholds[number] = best_f1_threshold(own, wanted[:, number] > 0)
    return scores, thresholds


def logistic_path(inputs: Tensor, wanted: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return weights (C, D) and biases (C,) for each strength."""
    weight = torch.zeros(wanted.shape[1], inputs.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(wanted.shape[1], dtype=torch.float64, requires_grad=True)
    found = []
    for strength in STRENGTHS:
        optimizer = torch.optim.LBFGS(
            [weight, bias], max_iter=100, tolerance_grad=1e-5, line_search_fn="strong_wolfe"
        )

        def loss(strength: float = strength, optimizer: torch.optim.LBFGS = optimizer) -> Tensor:
            optimizer.zero_grad()
            logits = inputs @ weight.T + bias
            value = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
            value = value / len(inputs) + strength / 2 * weight.square().sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimizer.step(loss)  # type: ignore[no-untyped-call]
        found.append((weight.detach().clone(), bias.detach().clone()))
    return found


if __name__ == "__main__":
    main()
