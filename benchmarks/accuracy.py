"""Compare what a head can read of an image: the last layer or three, one view or four.

    python -m benchmarks.accuracy [FOLDER ...]

Each data set is split anew several times, in the same way for all; a tenth is for the test, and
everything else as in training. `auto` takes the layers with the lower leave-one-out log loss.
Differences are paired: of the same split. The last table tells how often a set of labels held the
true one. Needs the `benchmark` extra: pip install ".[benchmark]".
"""

import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import torch

from benchmarks.arguments import data_parser, data_sets
from benchmarks.machine import processor
from benchmarks.solvers import SMALL_CLASS, TEST_SHARE, drawn
from benchmarks.table import markdown
from torch_inception.config import COVERAGES, Layers, TrainConfig
from torch_inception.datasets.dataset import read_dataset
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.engines.protocol import Engine
from torch_inception.features.cached_pass import run_pass
from torch_inception.features.row_selection import RowSelection
from torch_inception.features.view_pass import ViewedImage, run_view_pass
from torch_inception.heads.coverage import coverage_thresholds
from torch_inception.heads.fit import FittedHead, fit_head
from torch_inception.heads.inputs import ROOTED
from torch_inception.heads.labelled_rows import LabelledRows, all_logits
from torch_inception.heads.metrics import answers_of, summary
from torch_inception.images.preprocess import Preprocessing
from torch_inception.images.views import FIXED_VIEWS
from torch_inception.system.cache_folder import cache_folder
from torch_inception.weights.load import load_weights

BASE = "last, 1 view"
ROOTS = "all, 1 view, roots of the last too"


class Measured(NamedTuple):
    """What one head is worth on one split.

    Attributes:
        accuracy: on the test images.
        loss: mean cross entropy on the test images.
        covered: for each of `COVERAGES`, the share of test images whose set holds the true label.
        labels: for each of them, the mean number of labels in a set.
    """

    accuracy: float
    loss: float
    covered: Sequence[float]
    labels: Sequence[float]


def main() -> None:
    """Print the tables."""
    parser = data_parser(__doc__)
    parser.add_argument("--splits", type=int, default=8)
    arguments = parser.parse_args()
    engine = load_engine(load_weights(arguments.weights), device=choose_device("auto"))
    with tempfile.TemporaryDirectory() as name:
        folders = data_sets(Path(name), arguments.folders)
        found: dict[str, dict[str, list[Measured]]] = {}
        for data, folder in folders.items():
            views = {count: viewed_rows(engine, folder, count) for count in (1, 4)}
            for size, per_class in (("", None), (f", {SMALL_CLASS} per class", SMALL_CLASS)):
                found[f"{data}{size}"] = measure(views, per_class, arguments.splits)
                print(accuracy_table(found), coverage_table(found), processor(), sep="\n\n")


def viewed_rows(engine: Engine, folder: Path, count: int) -> LabelledRows:
    """Return the rows of all images of a folder in a number of views, image by image."""
    dataset = read_dataset(folder)
    result = run_pass(engine, Preprocessing(), dataset.paths, cache=cache_folder(), progress=True)
    images = [
        ViewedImage(path, digest, FIXED_VIEWS[count])
        for path, digest in zip(result.paths, result.digests, strict=True)
    ]
    number_of = {digest: number for number, digest in enumerate(dict.fromkeys(result.digests))}
    groups = torch.tensor([number_of[digest] for digest in result.digests])
    target_of = dict(zip(dataset.paths, dataset.targets, strict=True))
    targets = torch.tensor([target_of[path] for path in result.paths])
    return LabelledRows(
        run_view_pass(engine, Preprocessing(), images, store=result.store, progress=True),
        targets.repeat_interleave(count),
        len(dataset.classes),
        groups=groups.repeat_interleave(count),
        is_original=torch.arange(len(images) * count) % count == 0,
    )


def measure(
    views: Mapping[int, LabelledRows], per_class: int | None, splits: int
) -> dict[str, list[Measured]]:
    """Return, for each contender, what it is worth on each split."""
    found: dict[str, list[Measured]] = {}
    for number in range(splits):
        for name, measured in _measure_split(views, per_class, number):
            found.setdefault(name, []).append(measured)
    return found


def _measure_split(
    views: Mapping[int, LabelledRows], per_class: int | None, number: int
) -> Iterator[tuple[str, Measured]]:
    generator = torch.Generator().manual_seed(number)
    plain = views[1]
    chosen = torch.arange(len(plain)) if per_class is None else drawn(plain, per_class, generator)
    # Exact duplicates are on one side.
    _, groups = torch.unique(plain.group_numbers()[chosen], return_inverse=True)
    is_test = (torch.rand(len(chosen), generator=generator) < TEST_SHARE)[groups]
    trained, tested = chosen[~is_test], plain.subset(chosen[is_test])
    for count, rows in views.items():
        places = (trained[:, None] * count + torch.arange(count)).flatten()
        train, name = rows.subset(places), f"{count} view{'s' if count > 1 else ''}"
        fitted = {layers: _fit(train, layers) for layers in get_args(Layers)}
        for layers, each in fitted.items():
            yield f"{layers}, {name}", _judge(each, tested)
        auto = min(fitted.values(), key=lambda each: each.chosen.loss)
        yield f"auto, {name}", _judge(auto, tested)
        if count == 1:
            rooted = _fit(_rooted(train), "all")
            yield ROOTS, _judge(rooted, _rooted(tested))


def _fit(train: LabelledRows, layers: Layers) -> FittedHead:
    return fit_head(TrainConfig(layers=layers), train, train.subset(torch.arange(0)))


def _rooted(labelled: LabelledRows) -> LabelledRows:
    """Return rows whose last layer is under the square root, as the others will be."""
    rows = labelled.features.tensor()
    rows[:, ROOTED:].clamp_(min=0).sqrt_()
    return LabelledRows(RowSelection.of(rows), labelled.targets, labelled.classes)


def _judge(fitted: FittedHead, tested: LabelledRows) -> Measured:
    (logits,) = all_logits([fitted.head], tested)
    scores = torch.softmax(logits, dim=1)
    own = scores.gather(1, tested.targets[:, None])[:, 0]
    result = summary(answers_of(logits, tested.targets))
    # The best label is always in the set.
    thresholds = [
        scores.max(dim=1).values.clamp(max=threshold)
        for threshold in coverage_thresholds(fitted.held_out).values()
    ]
    return Measured(
        result["accuracy"],
        result["cross_entropy"],
        [float((own >= each).double().mean()) for each in thresholds],
        [float((scores >= each[:, None]).sum(dim=1).double().mean()) for each in thresholds],
    )


def accuracy_table(found: Mapping[str, Mapping[str, list[Measured]]]) -> str:
    """Return accuracy and log loss, and the differences of both from the last layer alone."""
    rows = []
    for data, contenders in found.items():
        for name, measured in contenders.items():
            rows.append([data, name, *_differences(measured, contenders[BASE])])
    header = ["images", "head", "accuracy", "difference", "log loss", "difference"]
    return markdown(header, rows)


def _differences(measured: Sequence[Measured], base: Sequence[Measured]) -> list[str]:
    cells = []
    for values in (
        [(ours.accuracy, theirs.accuracy) for ours, theirs in zip(measured, base, strict=True)],
        [(ours.loss, theirs.loss) for ours, theirs in zip(measured, base, strict=True)],
    ):
        gains = [ours - theirs for ours, theirs in values]
        error = statistics.stdev(gains) / len(gains) ** 0.5
        cells.append(f"{statistics.mean(ours for ours, _ in values):.3f}")
        cells.append(f"{statistics.mean(gains):+.3f} ± {error:.3f}")
    return cells


def coverage_table(found: Mapping[str, Mapping[str, list[Measured]]]) -> str:
    """Return how often sets held the true label, and how many labels they had."""
    rows = []
    for data, contenders in found.items():
        cells = [data]
        for place in range(len(COVERAGES)):
            held = [each.covered[place] for each in contenders["auto, 1 view"]]
            labels = [each.labels[place] for each in contenders["auto, 1 view"]]
            error = statistics.stdev(held) / len(held) ** 0.5
            cells.append(f"{statistics.mean(held):.3f} ± {error:.3f}")
            cells.append(f"{statistics.mean(labels):.2f}")
        rows.append(cells)
    header = ["images"]
    for coverage in COVERAGES:
        header += [f"held, asked for {coverage}", "labels per set"]
    return markdown(header, rows)


if __name__ == "__main__":
    main()
