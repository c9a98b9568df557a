"""`predict --unsure`: a table of the images to label next."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from torch_inception.commands.outputs import csv_lines
from torch_inception.commands.screen import print_error
from torch_inception.config import PredictConfig
from torch_inception.system.escape import printable

if TYPE_CHECKING:
    from torch_inception.answers.image_classifier import ImageClassifier

HEADER = ("path", "label", "suggestion", "score", "margin", "known")
"""Columns; `label` is empty, for a person to fill in."""


def write_unsure(
    classifier: "ImageClassifier[Any]", paths: Iterable[Path], config: PredictConfig, output: TextIO
) -> tuple[int, list[Path]]:
    """Write the table, which `train --labels` reads when labels are filled in.

    Args:
        classifier: what is unsure.
        paths: of images without a label.
        config: how many are wanted.
        output: where the table goes.

    Returns:
        how many images there were, and those that could not be read.
    """
    # Imported here, as commands can be imported without torch.
    from torch_inception.classifier.classifier import Classifier
    from torch_inception.curation.to_label import choose_to_label

    assert isinstance(classifier, Classifier)
    found = choose_to_label(
        classifier, paths, config.unsure, false_rejection=config.false_rejection
    )
    for path, error in found.bad:
        print_error(f"{printable(str(path))}: {printable(str(error))}")
    rows = [
        (
            os.path.abspath(each.path),  # noqa: PTH100 - a link is an image of its own
            "",
            each.suggestion,
            each.score,
            each.margin,
            "" if each.known is None else str(each.known).lower(),
        )
        for each in found.images
    ]
    output.write(csv_lines([HEADER, *rows]))
    return found.seen, [path for path, _ in found.bad]
