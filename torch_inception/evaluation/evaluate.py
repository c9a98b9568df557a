"""How good a model is on other images than its own, and whether a second one is better there."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch_inception.answers.training_record import now
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import require_one_label
from torch_inception.config import FROM_PYTHON, Device, EvaluateConfig, expand_home, make_config
from torch_inception.datasets.dataset import Dataset
from torch_inception.datasets.folder_shapes import quoted, same_names
from torch_inception.engines.protocol import Engine
from torch_inception.evaluation.comparison import Comparison, compare, comparison_lines
from torch_inception.evaluation.evaluated_model import AnsweredImages, EvaluatedModel, JudgedImages
from torch_inception.evaluation.evaluation_folder import (
    check_same_images,
    prepare_folder,
    write_evaluation,
)
from torch_inception.evaluation.labelled_images import Matched, data_name, list_images, match
from torch_inception.evaluation.several_evaluation import evaluate_several, match_several
from torch_inception.features.cached_pass import Skipped
from torch_inception.heads.metrics import full_report
from torch_inception.heads.operating_points import operating_points
from torch_inception.images.image_input import is_path
from torch_inception.system.cache_folder import cache_folder, cache_in_use
from torch_inception.system.torch_modes import default_modes
from torch_inception.system.write import Table
from torch_inception.training.distances import unlike_counts
from torch_inception.training.evaluation import (
    ImageAnswer,
    confusion_table,
    image_answers,
    misclassified,
)
from torch_inception.training.report_lines import evaluation_lines, unlike_lines
from torch_inception.training.run_folder import METRICS_FILE
from torch_inception.training.scores import ScoreRow, score_rows, scores_header
from torch_inception.training.several_lines import part_lines

log = logging.getLogger(__name__)
results = logging.getLogger("torch_inception.results")


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation gives.

    Attributes:
        classifier: the model that was evaluated, ready to predict.
        metrics: the content of `metrics.json`.
        output: the folder of the results.
        skipped: files that were not used, and why.
        data: the folder that paths in the results are relative to.
        run: the folder of the run that trained the model; None where another program did, or where
            the model was moved out of it.
    """

    classifier: Classifier
    metrics: dict[str, Any]
    output: Path
    skipped: list[Skipped]
    data: Path
    run: Path | None


def evaluate_classifier(
    run: str | Path,
    data: str | Path | Iterable[Any] = EvaluateConfig.data,
    *,
    labels: str | Path = EvaluateConfig.labels,
    against: str | Path = EvaluateConfig.against,
    name: str = EvaluateConfig.name,
    keep_conflicts: bool = EvaluateConfig.keep_conflicts,
    path_column: str = EvaluateConfig.path_column,
    label_column: str = EvaluateConfig.label_column,
    label_delimiter: str = EvaluateConfig.label_delimiter,
    weights: str | Path = EvaluateConfig.weights,
    device: Device = EvaluateConfig.device,
    engine: Engine | None = None,
) -> EvaluationResult:
    """Measure a trained model on labelled images: a folder, a table, a list or a data frame.

    Classes are matched by name. Those that the model does not know are left out, and warned of.
    Where the data has a test part, that part alone is used.

    Args:
        run: a run folder, or a `model.pt`.
        data: as in `train_classifier`.
        labels: as in `train_classifier`.
        against: another run folder or `model.pt`, to compare with on the same images; "" for none.
        name: of the folder for the results in `evaluation` in the run folder; by default that of
            the data folder or table.
        keep_conflicts: whether images that lie, byte for byte, in several classes are used.
        path_column: of the table or data frame, that has the paths; by default one with a usual
            name.
        label_column: the same, that has the labels.
        label_delimiter: what stands between the labels of an image, for a model that gives several.
        weights: sources of the network's weights; those that the model names by default.
        device: where the network runs.
        engine: what runs the network of both models, where the caller has one already.

    Raises:
        ConfigError: a setting cannot be used, or the results cannot be written.
        DatasetError: the images cannot be used.
        ModelError: there is no model, or it is damaged.
        WeightsError: the weights cannot be had.
        CacheError: the feature cache cannot be used.
    """
    images = None if is_path(data) or not isinstance(data, Iterable) else data
    settings = {
        "data": data if images is None else FROM_PYTHON,
        "labels": labels,
        "against": against,
        "name": name,
        "keep_conflicts": keep_conflicts,
        "path_column": path_column,
        "label_column": label_column,
        "label_delimiter": label_delimiter,
        "weights": weights,
        "device": device,
    }
    config = make_config(EvaluateConfig, settings, origin="evaluate_classifier")
    return run_evaluation(run, config, engine=engine, images=images)


@default_modes()
def run_evaluation(
    run: str | Path,
    config: EvaluateConfig,
    *,
    engine: Engine | None = None,
    images: Iterable[Any] | None = None,
    progress: bool = False,
) -> EvaluationResult:
    """Evaluate as a configuration says.

    Args:
        run: a run folder, or a `model.pt`.
        config: the settings.
        engine: what runs the network of both models, where the caller has one already.
        images: a list or data frame of labelled images, in place of a folder or table.
        progress: whether to show progress bars on standard error.

    Raises: as `evaluate_classifier`.
    """
    this = _load(expand_home("run", str(run)), config, engine, weights=config.weights)
    several = this.classifier.independent
    dataset = list_images(config, images, several=several)
    evaluated = (
        _several_labels(this, dataset, config, progress=progress)
        if several
        else _one_label(this, dataset, config, engine, progress=progress)
    )
    for line in [*evaluated.lines, f"Results are in {evaluated.output}."]:
        results.info("%s", line)
    return EvaluationResult(
        this.classifier,
        evaluated.metrics,
        evaluated.output,
        evaluated.judged.pass_result.skipped,
        dataset.folder,
        this.run if (this.run / METRICS_FILE).is_file() else None,
    )


class _Evaluated(NamedTuple):
    """What an evaluation has written, and what it says."""

    metrics: dict[str, Any]
    output: Path
    judged: JudgedImages
    lines: Sequence[str]


def _one_label(
    this: EvaluatedModel,
    dataset: Dataset,
    config: EvaluateConfig,
    engine: Engine | None,
    *,
    progress: bool,
) -> _Evaluated:
    """Evaluate a model of one label per image."""
    other = _other(config, engine) if config.against else None
    found = match(dataset, this.classifier.labels, model=this.name)
    _warn_of_unknown(found, this)
    output = prepare_folder(this.run, config)
    options = {"keep_conflicts": config.keep_conflicts, "progress": progress}
    with cache_in_use(cache_folder()):
        answered = this.answer(found.dataset, **options)
        judged = answered.judged
        check_same_images(output, judged)
        comparison = _compare(found, answered, other, **options) if other else None
    metrics = {
        **_metrics(this, found, judged, config),
        "counts": _counts(this, judged),
        "test": {
            **full_report(answered.answers, this.classifier.labels),
            **_operating_points(this.classifier, answered),
            **_of_images(judged),
        },
        "against": other and comparison and {**comparison._asdict(), "model": other.identity()},
    }
    answers = image_answers(judged.images, answered.answers, this.classifier.labels)
    tables = {
        "predictions.csv": Table(ImageAnswer._fields, answers),
        "scores.csv": Table(scores_header(this.classifier.labels), _score_rows(answered)),
        "confusion_matrix.csv": confusion_table(metrics["test"]),
    }
    write_evaluation(output, config, found.dataset, judged, tables, metrics)
    lines = evaluation_lines(metrics, misclassified(answers))
    _warn_of_trained(this.name, int(judged.is_seen.sum()), len(judged.images))
    if comparison:
        lines += comparison_lines(comparison, name=this.name)
        _warn_of_trained(comparison.run, comparison.trained_on, comparison.n)
    return _Evaluated(metrics, output, judged, lines)


def _several_labels(
    this: EvaluatedModel, dataset: Dataset, config: EvaluateConfig, *, progress: bool
) -> _Evaluated:
    """Evaluate a model that may give an image several labels."""
    if config.against:
        _check_comparable(this)
    found = match_several(dataset, this.classifier.labels, model=this.name)
    if found.unknown:
        log.warning(
            "WARNING: %s does not know %s: these labels are left out, and their images are named "
            "all the same. Its classes are %s.",
            this.name, quoted(list(found.unknown)), quoted(this.classifier.labels),
        )  # fmt: skip
    output = prepare_folder(this.run, config)
    with cache_in_use(cache_folder()):
        judged, report, tables = evaluate_several(
            this, found.dataset, keep_conflicts=config.keep_conflicts, progress=progress
        )
        check_same_images(output, judged)
    metrics = {
        **_metrics(this, found, judged, config),
        "several_labels": True,
        "counts": _counts(this, judged),
        "test": {**report, **_of_images(judged)},
        "thresholds": dict(this.classifier.thresholds),
    }
    write_evaluation(output, config, found.dataset, judged, tables, metrics)
    _warn_of_trained(this.name, int(judged.is_seen.sum()), len(judged.images))
    lines = [*part_lines("Evaluation", report), *unlike_lines(metrics["unlike"])]
    return _Evaluated(metrics, output, judged, lines)


def _load(
    name: str, config: EvaluateConfig, engine: Engine | None, *, weights: str = ""
) -> EvaluatedModel:
    classifier = Classifier.load(name, weights=weights, device=config.device, engine=engine)
    return EvaluatedModel(classifier, name)


def _other(config: EvaluateConfig, engine: Engine | None) -> EvaluatedModel:
    other = _load(config.against, config, engine)
    _check_comparable(other)
    return other


def _check_comparable(model: EvaluatedModel) -> None:
    require_one_label(
        model.classifier.model,
        "--against",
        why="it counts the images that one of two models alone names right",
        instead="Evaluate each model by itself, and compare their figures.",
    )


def _warn_of_unknown(found: Matched, model: EvaluatedModel) -> None:
    count = sum(found.unknown.values())
    if count:
        log.warning(
            "WARNING: %s does not know %s: %s left out. Its classes are %s.",
            model.name, quoted(list(found.unknown)),
            "1 file is" if count == 1 else f"{count:,} files are", quoted(model.classifier.labels),
        )  # fmt: skip


def _warn_of_trained(name: str, count: int, images: int) -> None:
    if count:
        log.warning(
            "WARNING: %s was trained on %s of these %d images: figures on them are too good.",
            name, "all" if count == images else str(count), images,
        )  # fmt: skip


def _compare(
    found: Matched,
    answered: AnsweredImages,
    other: EvaluatedModel,
    *,
    keep_conflicts: bool,
    progress: bool,
) -> Comparison:
    """Have another model name the same images, as far as it knows their classes."""
    labels = other.classifier.labels
    used = found.dataset.restricted_to(answered.judged.pass_result.paths)
    of_both = match(used, labels, model=other.name)
    of_other = same_names(list(found.unknown), labels).values()
    only_other = {name: found.unknown[name] for name in of_other}
    answers = other.answer(of_both.dataset, keep_conflicts=keep_conflicts, progress=progress)
    return compare(answered, answers, run=other.name, left_out={**of_both.unknown, **only_other})


def _metrics(
    this: EvaluatedModel, found: Matched, judged: JudgedImages, config: EvaluateConfig
) -> dict[str, Any]:
    """Collect what metrics.json holds beside figures, named as in that of a run; plain values."""
    space, features = this.classifier.model.space, judged.pass_result
    return {
        "classes": this.classifier.labels,
        "unlike": space and unlike_counts(space, judged.distances),
        "unknown_classes": dict(found.unknown),
        "model": this.identity(),
        "network": {
            **this.classifier.engine.record.as_dict(),
            "arithmetic": this.classifier.engine.arithmetic,
        },
        "features": {
            "computed": features.computed,
            "reused": features.reused,
            "skipped": len(features.skipped),
        },
        "created": now(),
        "data": data_name(config),
    }


def _counts(this: EvaluatedModel, judged: JudgedImages) -> dict[str, dict[str, int]]:
    """Return how many images have each label."""
    count = Counter(label for image in judged.images for label in image.classes)
    return {label: {"test": count[label]} for label in this.classifier.labels}


def _of_images(judged: JudgedImages) -> dict[str, int]:
    return {"groups": len(set(judged.groups)), "trained_on": int(judged.is_seen.sum())}


def _score_rows(answered: AnsweredImages) -> Iterable[ScoreRow]:
    """Return the rows of scores.csv; none where the scores were too many to keep."""
    judged = answered.judged
    if answered.scores is None:
        return ()
    return score_rows(judged.images, "test", judged.is_seen, judged.distances, answered.scores)


def _operating_points(classifier: Classifier, answered: AnsweredImages) -> dict[str, Any]:
    """Return `operating_points` where the model has thresholds and the scores were kept."""
    if not classifier.thresholds or answered.scores is None:
        return {}
    found = operating_points(
        classifier.thresholds, classifier.labels, answered.scores, answered.answers.targets
    )
    return {"operating_points": found}
