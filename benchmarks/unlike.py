"""See how well images that are unlike the training images are told from those that are like them.

    python -m benchmarks.unlike [FOLDER ...]

Each data set is split anew several times, with a fifth for the test. Strangers are images of the
other sets, and images of a class that was left out of training. Told are the area under the ROC
curve (test images against strangers) and the share that is refused where 5 % of the training
images, left out, are. The last column is what is lost by storing the first principal axes alone.
Needs the `benchmark` extra: pip install ".[benchmark]".
"""

import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from benchmarks.accuracy import viewed_rows
from benchmarks.arguments import data_parser, data_sets
from benchmarks.machine import processor
from benchmarks.table import markdown
from torch_inception.config import PredictConfig
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.heads import fit_class_space as fitting
from torch_inception.heads.class_space import ClassSpace, all_distances
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.network import LAYERS
from torch_inception.weights.load import load_weights

TEST_SHARE = 0.2
MOST_STRANGERS = 300
"""Images of each other set that are compared with, about."""


class Found(NamedTuple):
    """What was found for test images and one kind of strangers.

    Attributes:
        area: under the ROC curve.
        refused: share of the strangers over the limit.
        area_of_all: the area where all axes are kept.
    """

    area: float
    refused: float
    area_of_all: float


def main() -> None:
    """Print the table."""
    parser = data_parser(__doc__)
    parser.add_argument("--splits", type=int, default=5)
    arguments = parser.parse_args()
    engine = load_engine(load_weights(arguments.weights), device=choose_device("auto"))
    with tempfile.TemporaryDirectory() as name:
        folders = data_sets(Path(name), arguments.folders)
        sets = {data: viewed_rows(engine, folder, 1) for data, folder in folders.items()}
    print(markdown(HEADER, [_cells(data, sets, arguments.splits) for data in sets]))
    print(f"\n{processor()}")


HEADER = [
    "images",
    "test images refused",
    "other sets: area",
    "refused",
    "a class left out: area",
    "refused",
    "loss of area by storing fewer axes",
]


def _cells(data: str, sets: Mapping[str, LabelledRows], splits: int) -> list[str]:
    refused, others, classes = [], [], []
    for number in range(splits):
        train, test = _split(sets[data], number)
        space, whole = _fit(train), _fit(train, axes=LAYERS["Mixed_7a"])
        refused.append(_share_refused(space, all_distances(space, test.features)))
        others += [
            _compare(
                space,
                whole,
                test,
                other.subset(torch.arange(0, len(other), max(1, len(other) // MOST_STRANGERS))),
            )
            for name, other in sets.items()
            if name != data
        ]
        classes += list(_classes_left_out(train, test, number))
    lost = [each.area_of_all - each.area for each in (*others, *classes)]
    return [
        data,
        f"{100 * statistics.mean(refused):.1f}%",
        *_mean(others),
        *_mean(classes),
        f"{statistics.mean(lost):.4f}",
    ]


def _mean(found: Sequence[Found]) -> list[str]:
    area, share, _ = (statistics.mean(values) for values in zip(*found, strict=True))
    return [f"{area:.3f}", f"{100 * share:.0f}%"]


def _split(labelled: LabelledRows, number: int) -> tuple[LabelledRows, LabelledRows]:
    """Return rows for training and for the test; exact duplicates are on one side."""
    generator = torch.Generator().manual_seed(number)
    _, groups = torch.unique(labelled.group_numbers(), return_inverse=True)
    is_test = (torch.rand(len(labelled), generator=generator) < TEST_SHARE)[groups]
    return labelled.subset(~is_test), labelled.subset(is_test)


def _classes_left_out(train: LabelledRows, test: LabelledRows, number: int) -> Iterator[Found]:
    """Yield what is found of one class, another for each split, that was not trained on."""
    stranger = number % train.classes
    known, tested = (_without(each, each.targets != stranger, stranger) for each in (train, test))
    strangers = test.subset(test.targets == stranger)
    yield _compare(_fit(known), _fit(known, axes=LAYERS["Mixed_7a"]), tested, strangers)


def _without(labelled: LabelledRows, kept: Tensor, stranger: int) -> LabelledRows:
    some = labelled.subset(kept)
    targets = some.targets - (some.targets > stranger).long()
    return LabelledRows(some.features, targets, labelled.classes - 1, groups=some.groups)


def _fit(train: LabelledRows, axes: int = fitting.AXES) -> ClassSpace:
    with patch.object(fitting, "AXES", axes):
        return fitting.fit_class_space(train).space


def _compare(
    space: ClassSpace, whole: ClassSpace, test: LabelledRows, strangers: LabelledRows
) -> Found:
    is_stranger = torch.cat([torch.zeros(len(test)), torch.ones(len(strangers))])
    both = [test.features, strangers.features]
    areas = [
        roc_auc_score(is_stranger, torch.cat([all_distances(each, rows) for rows in both]))
        for each in (space, whole)
    ]
    share = _share_refused(space, all_distances(space, strangers.features))
    return Found(float(areas[0]), share, float(areas[1]))


def _share_refused(space: ClassSpace, distances: Tensor) -> float:
    limit = space.threshold(PredictConfig.false_rejection)
    assert limit is not None
    return float((distances > limit).double().mean())


if __name__ == "__main__":
    main()
