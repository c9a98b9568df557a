"""What TensorBoard shows of a run, put together from what the run has come to."""

import logging
import shlex
from collections.abc import Iterator
from pathlib import Path

from torch_inception.errors import CacheError
from torch_inception.heads.fit import FittedHead
from torch_inception.system.cache_folder import cache_folder
from torch_inception.tensorboard.board import Board, write_board
from torch_inception.tensorboard.projector import Point
from torch_inception.training.run_folder import Run

log = logging.getLogger(__name__)
results = logging.getLogger("torch_inception.results")


def board_folder(output: Path) -> Path:
    """Return the folder in a run folder that TensorBoard shows."""
    return output / "tensorboard"


def write_run_board(run: Run, fitted: FittedHead) -> None:
    """Write what TensorBoard shows, and say how to look at it.

    Where that fails, say so: the run is complete without it.
    """
    judged = run.metrics["leave_one_out" if fitted.left_out is not None else "validation"]
    board = Board(
        labels=run.model.labels,
        tried=fitted.tried,
        chosen=fitted.chosen,
        held_out=judged["confusion"],
        test=run.metrics["test"],
        points=list(_points(run)),
        rows=run.examples.features,
        seed=run.config.seed,
    )
    folder = board_folder(run.config.output_folder)
    try:
        write_board(folder, board, cache=cache_folder() if run.config.thumbnails else None)
    except (CacheError, OSError) as error:
        log.warning("WARNING: %s cannot be written (%s). The other results are.", folder, error)
        return
    results.info("To look at its curves and images:")
    results.info("  tensorboard --logdir %s", shlex.quote(str(folder)))


def _points(run: Run) -> Iterator[Point]:
    for image, part in zip(run.examples.images, run.examples.parts, strict=True):
        yield Point(
            image.path, image.label, run.predictions.get(image.path, ""), part, image.digest
        )
