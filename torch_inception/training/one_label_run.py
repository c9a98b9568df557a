"""A run on images that have one label each: fitted, judged, and put into tables."""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch_inception.config import TrainConfig, parse_thresholds
from torch_inception.errors import ConfigError
from torch_inception.heads.class_space import ClassSpace
from torch_inception.heads.coverage import coverage_thresholds
from torch_inception.heads.fit import FittedHead, fit_head
from torch_inception.heads.fit_class_space import FittedSpace, fit_class_space
from torch_inception.heads.learning_curve import learning_curve
from torch_inception.system.write import Table
from torch_inception.training.distances import image_distances, unlike_counts
from torch_inception.training.earlier_run import changes_since
from torch_inception.training.evaluation import (
    HISTORY_HEADER,
    ImageAnswer,
    answer_test,
    answers_held_out,
    confusion_table,
    history,
    image_answers,
    judged_part,
    make_metrics,
    misclassified,
    training_record,
)
from torch_inception.training.neighbours import kept_images
from torch_inception.training.prepared import Clock, Prepared
from torch_inception.training.report_lines import final_report, history_table
from torch_inception.training.run_folder import Run, changed_settings
from torch_inception.training.scores import image_scores, scores_header
from torch_inception.training.set_thresholds import judge_thresholds
from torch_inception.training.training_views import views_per_image

log = logging.getLogger(__name__)


def check_settings_of_one(config: TrainConfig) -> None:
    """Refuse a setting that needs images that may have several labels.

    Raises:
        ConfigError: there is one.
    """
    if config.target_precision:
        raise ConfigError(
            f"target_precision = {config.target_precision:g} needs images that may have several "
            "labels, and these have one each. Leave it out."
        )


class _Learnt(NamedTuple):
    """What a run has come to, before it is judged."""

    fitted: FittedHead
    space: FittedSpace[ClassSpace]
    learning_curve: list[dict[str, Any]]


def learn_one_label(prepared: Prepared, clock: Clock) -> Run:
    """Fit a head of classes that exclude each other, and return everything that the run leaves."""
    config, examples = prepared.config, prepared.examples
    with clock.phase("head"):
        fitted = fit_head(config, prepared.train, examples.labelled_rows("validation"))
        log.info("\n".join([f"head: solver {config.solver}", *history_table(fitted)]))
        space = fit_class_space(examples.labelled_rows("train"))
    with clock.phase("learning_curve"):
        curve = learning_curve(fitted, prepared.train)
    return _run_of(prepared, _Learnt(fitted, space, curve), clock.seconds)


def _run_of(prepared: Prepared, learnt: _Learnt, seconds: Mapping[str, float]) -> Run:
    """Return everything that the run leaves."""
    fitted, space = learnt.fitted, learnt.space
    config, examples, earlier = prepared.config, prepared.examples, prepared.earlier
    views = views_per_image(config)
    answers = answer_test(fitted, examples)
    tested = image_answers(examples.part_images("test"), answers, examples.classes)
    changes = None
    if earlier.images and not earlier.several:
        changes = changes_since(
            earlier,
            examples,
            tested,
            prepared.preprocessing,
            changed_settings(config, earlier.folder),
        )
    metrics = make_metrics(
        config,
        examples,
        prepared.pass_result,
        fitted,
        answers,
        network=prepared.network.description(),
        views=views,
        seconds=seconds,
    )
    judge_thresholds(metrics, config, fitted, examples, views=views)
    metrics["learning_curve"] = learnt.learning_curve
    distances = image_distances(space, examples)
    metrics["unlike"] = unlike_counts(space.space, distances.get("test"))
    metrics["changes"] = changes and changes._asdict()
    held_out = answers_held_out(fitted, examples, views=views)
    return Run(
        config=config,
        model=prepared.model(
            fitted.head,
            space.space,
            training_record(fitted, examples, answers),
            thresholds=parse_thresholds(config.threshold),
            coverage=coverage_thresholds(fitted.held_out),
        ),
        examples=examples,
        metrics=metrics,
        fitted=fitted,
        tables={
            "history.csv": Table(HISTORY_HEADER, history(fitted)),
            "predictions.csv": Table(ImageAnswer._fields, tested),
            "held_out.csv": Table(ImageAnswer._fields, held_out),
            "scores.csv": Table(
                scores_header(examples.classes),
                image_scores(fitted, examples, distances, views=views),
            ),
            "confusion_matrix.csv": confusion_table(metrics[judged_part(metrics)]),
        },
        lines=final_report(metrics, misclassified(tested)),
        predictions={each.path: each.prediction for each in (*held_out, *tested)},
        skipped=prepared.skipped(),
        changes=changes,
        training_images=kept_images(space.space, examples),
    )
