"""Thresholds that the settings name: of which classes, and how good these operating points are."""

from typing import Any

from torch_inception.answers.prediction import class_number
from torch_inception.config import TrainConfig, parse_thresholds
from torch_inception.datasets.dataset import Dataset
from torch_inception.heads.fit import FittedHead
from torch_inception.heads.metrics import keeps_scores
from torch_inception.heads.operating_points import operating_points
from torch_inception.training.examples import Examples
from torch_inception.training.scores import scores_of_part


def check_thresholds_of(config: TrainConfig, dataset: Dataset) -> None:
    """Do nothing if each threshold is of a class.

    Raises:
        ConfigError: there is no such class.
    """
    for label in parse_thresholds(config.threshold):
        class_number(dataset.classes, label)


def judge_thresholds(
    metrics: dict[str, Any],
    config: TrainConfig,
    fitted: FittedHead,
    examples: Examples,
    *,
    views: int,
) -> None:
    """Add `operating_points` to the parts of metrics.json that judge the head.

    Nothing is added where no threshold is set, or where there are too many scores to keep.

    Args:
        metrics: what `make_metrics` gave.
        config: names the thresholds.
        fitted: the head.
        examples: the images.
        views: rows of each training image that the head was fitted on.
    """
    thresholds = parse_thresholds(config.threshold)
    if not thresholds or not keeps_scores(len(examples.images), len(examples.classes)):
        return
    for part in examples.all_parts:
        judged = metrics.get("leave_one_out" if part == "train" else part)
        if judged is not None:
            scores, is_seen = scores_of_part(fitted, examples, part, views=views)
            targets = examples.labelled_rows(part).targets
            judged["operating_points"] = operating_points(
                thresholds, examples.classes, scores[~is_seen], targets[~is_seen]
            )
