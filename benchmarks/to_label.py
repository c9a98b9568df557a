"""See what labels of images are worth that `predict --unsure` chooses, and others.

    python -m benchmarks.to_label [FOLDER ...]

Of each data set, 30 % are for the test. A head learns from three images per class; then, four
times, it chooses twice as many images as there are classes, is told their labels, and is fitted
again. Told is the accuracy on the test after each round, the mean of several draws. Chosen are: at
random; those with the smallest margins between their two best classes; and what is chosen by
`curation/to_label.py`, which spreads these over the space of features.
Needs the `benchmark` extra: pip install ".[benchmark]".
"""

import statistics
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.accuracy import viewed_rows
from benchmarks.arguments import data_parser, data_sets
from benchmarks.machine import processor
from benchmarks.table import markdown
from torch_inception.config import TrainConfig
from torch_inception.curation.to_label import CANDIDATES, weighted_representatives
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.heads.fit import fit_head
from torch_inception.heads.fit_class_space import fit_class_space
from torch_inception.heads.labelled_rows import LabelledRows, all_scores
from torch_inception.weights.load import load_weights

TEST_SHARE = 0.3
FIRST = 3
"""Images per class that the first head learns from."""
ROUNDS = 4
ADDED = 2
"""Images per class that each round adds."""

Choose = Callable[[Tensor, Tensor, int, torch.Generator], Tensor]
"""Maps margins (N,), coordinates (N, R), a count and a generator to positions (count,)."""


def at_random(margins: Tensor, places: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Choose without looking."""
    return torch.randperm(len(margins), generator=generator)[:count]


def smallest_margins(
    margins: Tensor, places: Tensor, count: int, generator: torch.Generator
) -> Tensor:
    """Choose what the head is least sure of."""
    return margins.argsort()[:count]


def unsure(margins: Tensor, places: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Choose as `predict --unsure` does."""
    candidates = margins.argsort()[: CANDIDATES * count]
    return candidates[weighted_representatives(places[candidates], margins[candidates], count)]


STRATEGIES: Mapping[str, Choose] = {
    "at random": at_random,
    "smallest margins": smallest_margins,
    "predict --unsure": unsure,
}


def main() -> None:
    """Print the table."""
    parser = data_parser(__doc__)
    parser.add_argument("--draws", type=int, default=10)
    arguments = parser.parse_args()
    engine = load_engine(load_weights(arguments.weights), device=choose_device("auto"))
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for data, folder in data_sets(Path(name), arguments.folders).items():
            labelled = viewed_rows(engine, folder, 1)
            for strategy, choose in STRATEGIES.items():
                found = [_accuracies(labelled, choose, draw) for draw in range(arguments.draws)]
                means = [statistics.mean(each) for each in zip(*found, strict=True)]
                rows.append([data, strategy, *(f"{100 * each:.1f}" for each in means)])
    counts = [f"{FIRST + ADDED * number} per class" for number in range(ROUNDS + 1)]
    print(markdown(["images", "chosen", *counts], rows))
    print(f"\n{processor()}")


def _accuracies(labelled: LabelledRows, choose: Choose, draw: int) -> list[float]:
    """Return the accuracy on the test after each round."""
    generator = torch.Generator().manual_seed(draw)
    _, groups = torch.unique(labelled.group_numbers(), return_inverse=True)
    is_test = (torch.rand(len(labelled), generator=generator) < TEST_SHARE)[groups]
    pool, test = labelled.subset(~is_test), labelled.subset(is_test)
    order = torch.randperm(len(pool), generator=generator)
    first = [order[pool.targets[order] == label][:FIRST] for label in range(pool.classes)]
    learnt, found = torch.cat(first), []
    for number in range(ROUNDS + 1):
        train = pool.subset(learnt)
        head = fit_head(TrainConfig(), train, train.subset(torch.tensor([], dtype=torch.int64)))
        best = all_scores(head.head, test).argmax(dim=1)
        found.append(float((best == test.targets).double().mean()))
        if number < ROUNDS:
            left = order[~torch.isin(order, learnt)]
            others = pool.subset(left)
            two = all_scores(head.head, others).topk(2, dim=1).values.double()
            places = fit_class_space(train).space.coordinates(others.features.tensor())
            chosen = choose(two[:, 0] - two[:, 1], places, ADDED * pool.classes, generator)
            learnt = torch.cat([learnt, left[chosen]])
    return found


if __name__ == "__main__":
    main()
