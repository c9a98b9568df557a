"""The report of a run or of an evaluation: `report.html`, a page that needs nothing else."""

import dataclasses
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

import torch_inception
from torch_inception.answers.shares import percent
from torch_inception.answers.training_record import in_words
from torch_inception.classifier.classifier import Classifier
from torch_inception.config import PredictConfig, TrainConfig, setting_in_words
from torch_inception.errors import ConfigError
from torch_inception.evaluation.comparison import Comparison, comparison_lines
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.report import figures
from torch_inception.report.confusion import Matrix, make_matrix
from torch_inception.report.findings import class_samples, copies, most_unlike
from torch_inception.report.gallery import Gallery
from torch_inception.report.mistakes import COVERAGE, find_mistakes
from torch_inception.report.page import render
from torch_inception.report.results_folder import Judged, ResultsFolder
from torch_inception.report.several_report import several_content
from torch_inception.system.atomic import atomic_file
from torch_inception.system.cache_folder import cache_folder, cache_in_use
from torch_inception.system.escape import printable
from torch_inception.system.torch_modes import default_modes
from torch_inception.system.write import write_text
from torch_inception.training.evaluation import ImageAnswer
from torch_inception.training.run_folder import REPORT_FILE

MOST_FILES = 100
"""Files that were not used and that the page names."""


class JudgedView(NamedTuple):
    """What the page shows of a part that the head was judged by."""

    name: str
    images: str
    headline: figures.Headline
    matrix: Matrix
    classes: Sequence[figures.ClassRow]
    calibration: figures.Calibration
    curves: figures.AllCurves


@default_modes()
def write_report(
    folder: str | Path,
    classifier: Classifier,
    *,
    data: str | Path | None = None,
    run: str | Path | None = None,
    thumbnails: bool = TrainConfig.thumbnails,
) -> Path:
    """Write the report of a folder of results into it, in place of an earlier one.

    Args:
        folder: of a run or of an evaluation.
        classifier: that the run trained.
        data: what paths in its tables are relative to; by default, what its settings say.
        run: the run that the classifier is of, where the folder is that of an evaluation.
        thumbnails: whether images are shown.

    Returns:
        the file.

    Raises:
        ConfigError: the folder is none of results, they are of another model, or what is given for
            the classifier is none.
        CacheError: the cache of thumbnails cannot be used.
        OSError: the file cannot be written.
    """
    if not isinstance(classifier, Classifier):
        raise ConfigError(
            f"classifier = {classifier!r} is no Classifier. Load it first: Classifier.load(RUN)."
        )
    results = ResultsFolder(Path(folder), None if data is None else Path(data))
    training = results if results.is_run else None
    if run is not None:
        training = ResultsFolder(Path(run))
    _check_model(results, classifier)
    with cache_in_use(cache_folder()):
        gallery = Gallery(
            Thumbnails(cache_folder()) if thumbnails else None, classifier.model.preprocessing
        )
        content = _content(results, training, classifier, gallery)
        page = render(content["template"], content, gallery)
    file = results.folder / REPORT_FILE
    with atomic_file(file) as temporary:
        write_text(temporary, page)
    return file


def _check_model(results: ResultsFolder, classifier: Classifier) -> None:
    """Refuse a classifier that cannot be the one that results are of.

    Raises:
        ConfigError: it has other classes, or results of several labels per image are of another.
    """
    is_several = results.several is not None
    if results.metrics["classes"] == classifier.labels and is_several == classifier.independent:
        return
    raise ConfigError(
        f"the results in {results.folder} are not of the classifier that was given: it has other "
        "classes, or one of the two has several labels per image. Give the classifier that was "
        "trained or evaluated there."
    )


def _content(
    results: ResultsFolder,
    training: ResultsFolder | None,
    classifier: Classifier,
    gallery: Gallery,
) -> dict[str, Any]:
    """Return what the template is given. What comes first is sure to have its thumbnails."""
    samples = class_samples(results, gallery)
    if results.several is None:
        judged = _judged_content(results, training, classifier, gallery)
    else:
        judged = several_content(results, training, results.several, classifier, gallery)
    return {
        "kind": "report",
        "title": results.folder.resolve().name,
        "subtitle": _subtitle(classifier, training if training is not results else None),
        "samples": samples,
        "class_count": len(results.metrics["classes"]),
        "is_run": results.is_run,
        **judged,
        "unlike": most_unlike(results, gallery, _threshold(classifier)),
        "rejected": percent(PredictConfig.false_rejection).replace(".0", ""),
        "copies": copies(results, gallery),
        "skipped": results.skipped[:MOST_FILES],
        "skipped_count": len(results.skipped),
        "facts": list(_facts(results, classifier)),
        "changed": list(_changed_settings(results)),
        "settings_are_known": results.settings is not None,
        "shows_images": gallery.is_open,
    }


def _judged_content(
    results: ResultsFolder,
    training: ResultsFolder | None,
    classifier: Classifier,
    gallery: Gallery,
) -> dict[str, Any]:
    """Return what the template is given where each image has one label."""
    return {
        "template": "report.html",
        "comparison": _comparison(results),
        "mistakes": find_mistakes(results, training, classifier, gallery),
        "coverage": percent(COVERAGE).replace(".0", ""),
        "parts": [_judged_view(judged, results, gallery) for judged in results.judged],
        "judged": sum(len(judged.answers) for judged in results.judged),
        "learning": figures.learning(results.metrics.get("learning_curve", [])),
        "far_from": "the classes",
        "left_out_of": "classes that it was left out of",
        "left_out_how": "each left out in turn",
    }


def _judged_view(
    judged: Judged[ImageAnswer], results: ResultsFolder, gallery: Gallery
) -> JudgedView:
    return JudgedView(
        judged.part,
        judged.images,
        figures.headline(judged),
        make_matrix(judged, results, gallery),
        figures.class_rows(judged),
        figures.calibration(judged),
        figures.curves(judged, results.scores),
    )


def _threshold(classifier: Classifier) -> float | None:
    """Return the distance above which `predict` calls an image unlike the training images."""
    space = classifier.model.space
    return None if space is None else space.threshold(PredictConfig.false_rejection)


def _subtitle(classifier: Classifier, run: ResultsFolder | None) -> str:
    """Tell when the model was trained, and which it is where the page is not that of its run."""
    record = classifier.model.training
    if record is None:
        return ""
    trained = f"trained {in_words(record.created)} by torch_inception {record.version}"
    return trained if run is None else f"named by {printable(run.folder.resolve().name)}, {trained}"


def _comparison(results: ResultsFolder) -> list[str]:
    """Return the lines on another model that an evaluation compares with; none without one."""
    found = results.metrics.get("against")
    if not found:
        return []
    comparison = Comparison(**{name: found[name] for name in Comparison._fields})
    return comparison_lines(comparison, name="this model")


def _facts(results: ResultsFolder, classifier: Classifier) -> Iterator[tuple[str, str]]:
    """Yield what is to be known to repeat the results: name and value."""
    record, head, metrics = classifier.model.record, classifier.model.head, results.metrics
    version = f" {record.version}" if record.version else ""
    yield "network", f"Inception-v3, weights {record.source}{version}"
    yield "SHA-256 of the weights", record.fingerprint
    yield "pooling, arithmetic", f"{record.pooling}, {classifier.model.arithmetic}"
    if "head" in metrics:
        chosen = metrics["head"]
        setting = f", {chosen['setting']}" if "setting" in chosen else ""
        yield "head", f"solver {chosen['solver']}{setting}"
        if "temperature" in chosen:
            yield "temperature", f"{chosen['temperature']:.4g}"
    yield "layers", "the last" if head.layers == "last" else "three"
    if "features" in metrics:
        features = metrics["features"]
        yield (
            "features",
            f"{features['computed']:,} computed, {features['reused']:,} from the cache",
        )
    if "seconds" in metrics:
        phases = (f"{name.replace('_', ' ')} {s:.1f}" for name, s in metrics["seconds"].items())
        yield "seconds", ", ".join(phases)
    yield "torch_inception", torch_inception.__version__
    yield "torch", torch.__version__
    yield "Python", platform.python_version()


def _changed_settings(results: ResultsFolder) -> Iterator[tuple[str, str]]:
    """Yield the settings that are not as by default: name and value."""
    settings = results.settings
    for field in () if settings is None else dataclasses.fields(settings):
        if getattr(settings, field.name) != field.default:
            yield field.name, setting_in_words(getattr(settings, field.name))
