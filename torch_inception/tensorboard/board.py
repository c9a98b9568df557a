"""Write what TensorBoard shows of a run: whole, or not at all.

A folder of events is what TensorBoard calls a run, and shows in a colour of its own. There are
four: `train` and `held_out`, which have the curves, `test`, and `images` for the projector.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from torch_inception.errors import ConfigError
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.inputs import head_layers
from torch_inception.heads.metrics import summary
from torch_inception.heads.solvers.selection import Tried
from torch_inception.network import LAYERS
from torch_inception.system.escape import counted
from torch_inception.system.replacement import prepare_replacing, replaced_together
from torch_inception.tensorboard.confusion_image import draw_confusion
from torch_inception.tensorboard.events import EVENTS, EventFile, check_tensorboard, event_file
from torch_inception.tensorboard.projector import (
    PROJECTOR_FILES,
    Point,
    principal_components,
    sample_points,
    write_projector,
)

BOARD_FILES = (
    *(f"{name}/{EVENTS}" for name in ("train", "held_out", "test", "images")),
    *(f"images/{name}" for name in PROJECTOR_FILES),
)


@dataclass(frozen=True)
class Board:
    """What is shown of a run.

    Attributes:
        labels: of the C classes.
        tried: settings of the head, in order.
        chosen: one of them.
        held_out: row i, column j: how many images of class i were taken for class j by heads that
            were not fitted on them.
        test: metrics of the test images: `accuracy`, `cross_entropy`, `confusion`, `n`.
        points: all images.
        rows: of features of these.
        seed: of the images that are drawn for the projector.
    """

    labels: Sequence[str]
    tried: Sequence[Tried]
    chosen: Tried
    held_out: Sequence[Sequence[int]]
    test: Mapping[str, Any]
    points: Sequence[Point]
    rows: RowSelection
    seed: int


def check_board(folder: Path) -> None:
    """See, before any work, that a board can be written.

    Raises:
        ConfigError: something else has the name of a file.
        InstallationError: TensorBoard is not installed.
    """
    check_tensorboard()
    try:
        if folder.exists():
            prepare_replacing(folder, BOARD_FILES)
    except OSError as error:
        raise ConfigError(
            f"tensorboard: {folder} cannot be written ({error.strerror or error}). Remove what is "
            "in the way, or choose another --output."
        ) from error


def write_board(folder: Path, board: Board, *, cache: Path | None) -> None:
    """Write all files of a board, or none; other files in the folder stay.

    Args:
        folder: for the files.
        board: what is shown.
        cache: folder of the cache, which has the thumbnails; None for a board without them.

    Raises:
        OSError: the folder cannot be written.
    """
    with replaced_together(folder, BOARD_FILES) as staging:
        _write_curves(staging, board)
        _write_images(staging / "images", board, cache)


def _write_curves(folder: Path, board: Board) -> None:
    steps = step_numbers(board.tried)
    chosen = steps[[each.setting for each in board.tried].index(board.chosen.setting)]
    with (
        event_file(folder / "train") as train,
        event_file(folder / "held_out") as held_out,
        event_file(folder / "test") as test,
    ):
        train.add_text("settings", _settings_table(board, steps), chosen)
        for step, each in zip(steps, board.tried, strict=True):
            _add_measures(train, summary(each.train), step)
            _add_measures(held_out, summary(each.held_out), step)
            _add_head(train, each, step)
        _add_confusion(held_out, board.held_out, board.labels, chosen)
        _add_measures(test, board.test, chosen)
        _add_confusion(test, board.test["confusion"], board.labels, chosen)


def step_numbers(tried: Sequence[Tried]) -> list[int]:
    """Return the place of each setting on TensorBoard's axis, which takes whole numbers only.

    Steps of gradient descent are their own; strengths are counted from 1.
    """
    if any(each.strength for each in tried):
        return list(range(1, len(tried) + 1))
    return [int(each.setting.removeprefix("step ")) for each in tried]


def _add_measures(events: EventFile, measures: Mapping[str, Any], step: int) -> None:
    for name in ("accuracy", "cross_entropy"):
        if measures["n"]:
            events.add_scalar(name, measures[name], step)


def _add_head(events: EventFile, tried: Tried, step: int) -> None:
    """Add the weights of each layer, which differ in size, and the biases."""
    layers = head_layers(tried.head)
    weights = torch.split(tried.head.weight, [LAYERS[layer] for layer in layers], dim=1)
    for layer, weight in zip(layers, weights, strict=True):
        events.add_histogram(f"head/weights_{layer}", weight, step)
    events.add_histogram("head/biases", tried.head.bias, step)
    if tried.strength:
        events.add_scalar("head/strength", tried.strength, step)


def _add_confusion(
    events: EventFile, confusion: Sequence[Sequence[int]], labels: Sequence[str], step: int
) -> None:
    if any(map(any, confusion)):
        image = draw_confusion(confusion, labels)
        events.add_image("confusion_matrix", image, step)


def _settings_table(board: Board, steps: Sequence[int]) -> str:
    """Return, in Markdown, what setting each step stands for."""
    rows = [
        f"| {step} | {each.setting} | {'chosen' if each.setting == board.chosen.setting else ''} |"
        for step, each in zip(steps, board.tried, strict=True)
    ]
    return "\n".join(["| step | setting | |", "| ---: | --- | --- |", *rows])


def _write_images(folder: Path, board: Board, cache: Path | None) -> None:
    """Write the projector's files, and what they show in words."""
    places = sample_points(board.points, seed=board.seed)
    points = [board.points[place] for place in places]
    rows = board.rows.subset(torch.tensor(places))
    components, share = principal_components(rows, board.chosen.head.layers)
    shown = f"{len(points):,} of {counted(len(board.points), 'image')}"
    with event_file(folder) as events:
        events.add_text(
            "projector",
            f"{shown}, each by {components.shape[1]} principal components of its features, which "
            f"hold {share:.0%} of their variance.",
        )
    digests = [point.digest for point in points]
    thumbnails = {} if cache is None else Thumbnails(cache).find(digests)
    write_projector(folder, points, components, thumbnails)
