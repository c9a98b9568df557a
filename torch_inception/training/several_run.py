"""A run on images that may have several labels: fitted, judged, and put into tables."""

import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

import torch_inception
from torch_inception.answers.prediction import class_number
from torch_inception.classifier.model_file import Model
from torch_inception.classifier.training_record import SEVERAL_FIGURES, TrainingRecord, now
from torch_inception.config import TrainConfig, parse_thresholds
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.heads.class_space import ImageSpace
from torch_inception.heads.fit_class_space import FittedSpace
from torch_inception.heads.fit_independent import (
    FittedClasses,
    all_independent_scores,
    fit_independent,
)
from torch_inception.heads.inputs import mean_inputs
from torch_inception.heads.marked_rows import ABSENT, PRESENT, MarkedRows
from torch_inception.heads.metrics import keeps_scores
from torch_inception.heads.nearest_space import fit_nearest_space
from torch_inception.heads.several_metrics import several_report
from torch_inception.system.write import Table
from torch_inception.training.distances import Distances, image_distances, unlike_counts
from torch_inception.training.evaluation import about_images, about_run
from torch_inception.training.examples import Examples, relative_name
from torch_inception.training.label_sets import SeveralLabels
from torch_inception.training.neighbours import kept_images
from torch_inception.training.parts import Part
from torch_inception.training.prepared import Clock, Prepared
from torch_inception.training.run_folder import Run
from torch_inception.training.scores import score_rows, scores_header
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


def check_several(config: TrainConfig) -> None:
    """Refuse settings that need one label per image.

    Raises:
        ConfigError: there are some.
    """
    others = {
        "solver": config.solver != TrainConfig.solver,
        "class_weights": config.class_weights != TrainConfig.class_weights,
        "tensorboard": config.tensorboard,
    }
    for name, is_set in others.items():
        if is_set:
            raise ConfigError(
                f"{name} = {str(getattr(config, name)).lower()} needs one label per image, and "
                "these images may have several. Leave it out."
            )


def check_one_label(config: TrainConfig) -> None:
    """Refuse a setting that needs images that may have several labels.

    Raises:
        ConfigError: there is one.
    """
    if config.target_precision:
        raise ConfigError(
            f"target_precision = {config.target_precision:g} needs images that may have several "
            "labels, and these have one each. Leave it out."
        )


def learn_several_labels(prepared: Prepared, clock: Clock) -> Run:
    """Fit a head of independent classes, and return everything that the run leaves."""
    config, examples = prepared.config, prepared.examples
    several = examples.several
    assert several is not None
    train = _marked(examples, "train", several)
    _check_training_part(train.marks, several.classes)
    views = views_per_image(config)
    with clock.phase("head"):
        fitted = fit_independent(
            config,
            MarkedRows(prepared.train, train.marks.repeat_interleave(views, dim=0)),
            precision=config.target_precision,
        )
        fitted = _with_thresholds(fitted, config, several.classes)
        lines = head_table(
            fitted,
            several.classes,
            config.target_precision,
            has_own=bool(config.threshold),
        )
        log.info("\n".join(lines))
        space = fit_nearest_space(train.rows)
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


def _marked(examples: Examples, part: Part, several: SeveralLabels) -> MarkedRows:
    marks = several.marks(image.label for image in examples.part_images(part))
    return MarkedRows(examples.labelled_rows(part), marks)


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
    views = views_per_image(config)
    judged = _judged(examples, several, fitted, views=views)
    labels = list(several.classes)
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
        config,
        _model(prepared, fitted, space, reports),
        examples,
        metrics,
        fitted,
        {
            "history.csv": _class_table(fitted, labels),
            "predictions.csv": Table(SeveralAnswer._fields, answers["test"]),
            "held_out.csv": Table(SeveralAnswer._fields, answers[JUDGED_BY]),
            "scores.csv": Table(
                scores_header(labels, several=True),
                _score_rows(examples, fitted, distances, several, views=views),
            ),
            "confusion_matrix.csv": several_confusion_table(reports[told]),
        },
        several_lines(metrics),
        {each.path: each.prediction for part in answers.values() for each in part},
        [
            (relative_name(each.path, prepared.dataset.folder), each.reason)
            for each in prepared.pass_result.skipped
        ],
        None,
        kept_images(space.space, examples),
    )


def _judged(
    examples: Examples, several: SeveralLabels, fitted: FittedClasses, *, views: int
) -> dict[str, MarkedScores]:
    test = _marked(examples, "test", several)
    trained = examples.part_images("train")
    images = [trained[row // views] for row in fitted.left_out.tolist()]
    return {
        JUDGED_BY: MarkedScores(
            images, several.marks(image.label for image in images), fitted.left_out_scores
        ),
        "test": MarkedScores(
            examples.part_images("test"), test.marks, all_independent_scores(fitted.head, test)
        ),
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


def _model(
    prepared: Prepared,
    fitted: FittedClasses,
    space: FittedSpace[ImageSpace],
    reports: Mapping[str, Mapping[str, Any]],
) -> Model:
    network, examples = prepared.network, prepared.examples
    train = examples.labelled_rows("train").features
    labels = list(examples.classes)
    model = Model(
        labels,
        fitted.head,
        prepared.preprocessing,
        network.engine.record,
        arithmetic=network.engine.arithmetic,
        refused=network.refused,
        mean_inputs=mean_inputs(fitted.head.layers, train),
        space=space.space,
        training=_record(len(train), reports),
        thresholds=dict(zip(labels, fitted.thresholds.tolist(), strict=True)),
    )
    return prepared.bundled(model)


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


def _score_rows(
    examples: Examples,
    fitted: FittedClasses,
    distances: Distances,
    several: SeveralLabels,
    *,
    views: int,
) -> Iterator[Sequence[object]]:
    """Yield a row of scores.csv per image; none where there are too many numbers."""
    if not keeps_scores(len(examples.images), len(several.classes)):
        return
    for part in examples.all_parts:
        rows = _marked(examples, part, several)
        scores = all_independent_scores(fitted.head, rows)
        is_seen = torch.full((len(rows),), part == "train")
        if part == "train":
            places = fitted.left_out // views
            scores[places], is_seen[places] = fitted.left_out_scores, False
        yield from score_rows(examples.part_images(part), part, is_seen, distances[part], scores)
