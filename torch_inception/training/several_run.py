"""A run on images that may have several labels: fitted, judged, and put into tables."""

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

import torch_inception
from torch_inception.answers.prediction import class_number
from torch_inception.answers.training_record import SEVERAL_FIGURES, TrainingRecord, now
from torch_inception.config import TrainConfig, parse_thresholds
from torch_inception.datasets.label_sets import SeveralLabels
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.heads.class_space import ImageSpace
from torch_inception.heads.fit_class_space import FittedSpace
from torch_inception.heads.fit_independent import FittedClasses, fit_independent
from torch_inception.heads.labelled_rows import all_scores
from torch_inception.heads.marked_rows import ABSENT, PRESENT, MarkedRows
from torch_inception.heads.nearest_space import fit_nearest_space
from torch_inception.heads.several_metrics import several_report
from torch_inception.system.write import Table
from torch_inception.training.distances import image_distances, unlike_counts
from torch_inception.training.evaluation import about_images, about_run
from torch_inception.training.examples import Examples
from torch_inception.training.grouping import LabelledImage
from torch_inception.training.neighbours import kept_images
from torch_inception.training.prepared import Clock, Prepared
from torch_inception.training.run_folder import Run
from torch_inception.training.scores import image_scores, scores_header
from torch_inception.training.several_answers import (
    MarkedScores,
    SeveralAnswer,
    several_answers,
    several_confusion_table,
)
from torch_inception.training.several_lines import hardly_named, head_table, several_lines
from torch_inception.training.training_views import views_per_image

log = logging.getLogger(__name__)

JUDGED_BY = "leave_one_out"
"""Part of metrics.json that tells of training images, each left out in turn."""

_NEED_ONE_LABEL = {
    "solver": "each class is fitted by itself, by ridge regression",
    "class_weights": "each class is fitted by itself, with a threshold of its own",
    "tensorboard": "history.csv and report.html have the figures of each class",
}
"""Setting that is of classes which exclude each other -> what there is instead."""


def check_settings_of_several(config: TrainConfig) -> None:
    """Refuse settings that need one label per image.

    Raises:
        ConfigError: there are some.
    """
    for name, instead in _NEED_ONE_LABEL.items():
        value = getattr(config, name)
        if value != getattr(TrainConfig, name):
            raise ConfigError(
                f"{name} = {str(value).lower()} needs one label per image, and these images may "
                f"have several. Leave it out: {instead}."
            )


def learn_several_labels(prepared: Prepared, clock: Clock) -> Run:
    """Fit a head of independent classes, and return everything that the run leaves."""
    config, examples = prepared.config, prepared.examples
    several = examples.several
    assert several is not None
    marks = _marks(examples.part_images("train"), several)
    _check_training_part(marks, several.classes)
    views = views_per_image(config)
    with clock.phase("head"):
        rows = MarkedRows(prepared.train, marks.repeat_interleave(views, dim=0))
        fitted = fit_independent(config, rows)
        fitted = _with_thresholds(fitted, config, several.classes)
        log.info("\n".join(head_table(fitted, several.classes, config)))
        space = fit_nearest_space(examples.labelled_rows("train"))
    return _run_of(prepared, several, fitted, space, clock.seconds)


def _with_thresholds(
    fitted: FittedClasses, config: TrainConfig, classes: Sequence[str]
) -> FittedClasses:
    """Return the head with the thresholds that the settings name in the place of those found."""
    thresholds, missed = fitted.thresholds.clone(), fitted.missed.clone()
    for label, threshold in parse_thresholds(config.threshold).items():
        number = class_number(classes, label)
        thresholds[number], missed[number] = threshold, False
    return dataclasses.replace(fitted, thresholds=thresholds, missed=missed)


def _marks(images: Iterable[LabelledImage], several: SeveralLabels) -> Tensor:
    return several.marks(image.label for image in images)


def _check_training_part(marks: Tensor, classes: Sequence[str]) -> None:
    for number, label in enumerate(classes):
        for mark, what in ((PRESENT, "no"), (ABSENT, "every")):
            if not (marks[:, number] == mark).any():
                raise DatasetError(
                    f"{what} training image of which it is known has the class {label!r}: there "
                    "is nothing to tell it by. Add images, or leave the class out."
                )


def _run_of(
    prepared: Prepared,
    several: SeveralLabels,
    fitted: FittedClasses,
    space: FittedSpace[ImageSpace],
    seconds: Mapping[str, float],
) -> Run:
    config, examples = prepared.config, prepared.examples
    views, labels = views_per_image(config), list(several.classes)
    judged = _judged(examples, several, fitted, views=views)
    reports = {
        name: several_report(each.scores, each.marks, fitted.thresholds, labels)
        for name, each in judged.items()
    }
    distances = image_distances(space, examples)
    metrics = _metrics(prepared, fitted, reports, seconds)
    for line in hardly_named(metrics, parse_thresholds(config.threshold)):
        log.warning("%s", line)
    metrics["unlike"] = unlike_counts(space.space, distances.get("test"))
    answers = {
        name: list(several_answers(each, fitted.thresholds, several))
        for name, each in judged.items()
    }
    told = "test" if reports["test"]["n"] else JUDGED_BY
    return Run(
        config=config,
        model=prepared.model(
            fitted.head,
            space.space,
            _record(len(examples.part_images("train")), reports),
            thresholds=metrics["head"]["thresholds"],
        ),
        examples=examples,
        metrics=metrics,
        fitted=fitted,
        tables={
            "history.csv": _class_table(fitted, labels),
            "predictions.csv": Table(SeveralAnswer._fields, answers["test"]),
            "held_out.csv": Table(SeveralAnswer._fields, answers[JUDGED_BY]),
            "scores.csv": Table(
                scores_header(labels, several=True),
                image_scores(fitted, examples, distances, views=views),
            ),
            "confusion_matrix.csv": several_confusion_table(reports[told]),
        },
        lines=several_lines(metrics),
        predictions={each.path: each.prediction for part in answers.values() for each in part},
        skipped=prepared.skipped(),
        changes=None,
        training_images=kept_images(space.space, examples),
    )


def _judged(
    examples: Examples, several: SeveralLabels, fitted: FittedClasses, *, views: int
) -> dict[str, MarkedScores]:
    trained, tested = examples.part_images("train"), examples.part_images("test")
    left_out = [trained[row // views] for row in fitted.left_out.tolist()]
    scores = all_scores(fitted.head, examples.labelled_rows("test"))
    return {
        JUDGED_BY: MarkedScores(left_out, _marks(left_out, several), fitted.left_out_scores),
        "test": MarkedScores(tested, _marks(tested, several), scores),
    }


def _metrics(
    prepared: Prepared,
    fitted: FittedClasses,
    reports: Mapping[str, Mapping[str, Any]],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return what metrics.json holds; plain values only."""
    config, examples = prepared.config, prepared.examples
    classes = examples.classes
    trained = len(examples.part_images("train"))
    return {
        **about_images(examples),
        "several_labels": True,
        JUDGED_BY: {**reports[JUDGED_BY], "excluded": trained - reports[JUDGED_BY]["n"]},
        "test": reports["test"],
        "head": {
            "solver": "ridge",
            "layers": fitted.head.layers,
            "layer_losses": dict(fitted.layer_losses) or None,
            "chosen_by": "leave-one-out",
            "chosen_on": fitted.sample or reports[JUDGED_BY]["n"],
            "strengths": dict(zip(classes, fitted.strengths.tolist(), strict=True)),
            "thresholds": dict(zip(classes, fitted.thresholds.tolist(), strict=True)),
            "target_precision": config.target_precision or None,
            "missed_precision": [
                label
                for label, is_missed in zip(classes, fitted.missed.tolist(), strict=True)
                if is_missed
            ],
        },
        **about_run(
            config,
            prepared.pass_result,
            network=prepared.network.description(),
            views=views_per_image(config),
            seconds=seconds,
        ),
    }


def _record(images: int, reports: Mapping[str, Mapping[str, Any]]) -> TrainingRecord:
    """Return the record of the training; an image counts as right if all its labels are."""
    (tested, test_right), (held_out, held_out_right) = (
        (report["exact_match_n"], round((report["exact_match"] or 0) * report["exact_match_n"]))
        for report in (reports["test"], reports[JUDGED_BY])
    )
    return TrainingRecord(
        created=now(),
        version=torch_inception.__version__,
        images=images,
        tested=tested,
        test_right=test_right,
        held_out=held_out,
        held_out_right=held_out_right,
        judged_by="leave-one-out",
        test_figures=_figures(reports["test"]),
        held_out_figures=_figures(reports[JUDGED_BY]),
    )


def _figures(report: Mapping[str, Any]) -> dict[str, float]:
    # Rounding of a sum of shares may go beyond 1.
    return {n: min(1.0, report[n]) for n in SEVERAL_FIGURES if report[n] is not None}


def _class_table(fitted: FittedClasses, labels: Sequence[str]) -> Table:
    """Return what was chosen for each class, and how good that is."""
    columns = (fitted.strengths, fitted.losses, fitted.thresholds)
    rows = zip(labels, *(each.tolist() for each in columns), strict=True)
    return Table(("label", "strength", "held_out_cross_entropy", "threshold"), list(rows))
