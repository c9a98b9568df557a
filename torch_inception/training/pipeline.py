"""From a folder and a configuration to a run folder."""

import dataclasses
import logging
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import Model, earlier_arithmetic
from torch_inception.config import TrainConfig, make_config
from torch_inception.engines.choose import training_engine
from torch_inception.engines.openvino.calibration import Calibration
from torch_inception.engines.protocol import Engine
from torch_inception.features.table import FeatureTable, Skipped, feature_table
from torch_inception.heads.fit import FittedHead, fit_head
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.atomic import cache_folder
from torch_inception.system.threads import one_thread
from torch_inception.training.dataset import class_table, read_dataset
from torch_inception.training.evaluation import (
    History,
    final_report,
    make_metrics,
    misclassified,
    test_predictions,
)
from torch_inception.training.examples import Examples, make_examples, relative_name
from torch_inception.training.run_folder import (
    SPLITS_FILE,
    Run,
    check_output,
    prepare_output,
    write_run,
)
from torch_inception.training.split import read_splits
from torch_inception.weights.checked import Weights
from torch_inception.weights.load import load_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingResult:
    """What training gives.

    Attributes:
        classifier: ready to predict.
        metrics: the content of `metrics.json`.
        output: the run folder.
        skipped: files that are not whole images, and why.
    """

    classifier: Classifier
    metrics: dict[str, Any]
    output: Path
    skipped: list[Skipped]


def train_classifier(data: str | Path, **settings: Any) -> TrainingResult:  # noqa: ANN401
    """Train a classifier on a folder of class folders.

    Args:
        data: the folder.
        settings: any field of `TrainConfig`, such as `output`, `solver` or `seed`.

    Raises:
        ConfigError: a setting is unknown or cannot be used.
        DatasetError: the folder cannot be trained on.
        WeightsError: no source of weights works.
        CacheError: the feature cache cannot be used.
    """
    config = make_config(TrainConfig, {"data": data, **settings}, origin="train_classifier")
    return run_training(config)


def run_training(config: TrainConfig, *, progress: bool = False) -> TrainingResult:
    """Train as a configuration says; `progress` shows bars on standard error.

    Raises: as `train_classifier`.
    """
    config = config.resolved()
    output = config.output_folder
    clock = _Clock()
    with clock.phase("dataset"):
        dataset = read_dataset(Path(config.data))
        check_output(output, dataset.folder)
        prepare_output(output)
        log.info(class_table(dataset))
    with clock.phase("weights"):
        weights = load_weights(config.weights, pooling=config.pooling)
        preprocessing = Preprocessing(config.resize, exact_decode=config.exact_decode)
        engine, calibration = training_engine(
            config, weights, preprocessing, dataset.paths, earlier=earlier_arithmetic(output)
        )
    with clock.phase("features"):
        table = feature_table(
            engine, preprocessing, dataset.paths, cache=cache_folder(), progress=progress
        )
        _tell_of_features(table)
    with one_thread():
        with clock.phase("head"):
            examples = make_examples(dataset, table, kept=read_splits(output / SPLITS_FILE))
            fitted, history = _fit(config, examples)
        tested = test_predictions(fitted.head, examples)
        backbone = _described(weights, engine, calibration)
        metrics = make_metrics(
            config, examples, table, fitted, backbone=backbone, seconds=clock.seconds
        )
    model = Model(
        dataset.labels,
        fitted.head,
        preprocessing,
        weights.record,
        arithmetic=engine.arithmetic,
        refused=weights.refused,
    )
    skipped = [(relative_name(skip.path, dataset.folder), skip.reason) for skip in table.skipped]
    write_run(output, Run(config, model, examples, metrics, history.rows, tested, skipped))
    for line in final_report(metrics, misclassified(tested)):
        log.info(line)
    log.info("Results are in %s. To name an image:", output)
    log.info("  python -m torch_inception.predict --model %s IMAGE", shlex.quote(str(output)))
    return TrainingResult(Classifier(model, engine), metrics, output, table.skipped)


def _described(weights: Weights, engine: Engine, calibration: Calibration | None) -> dict[str, Any]:
    return {
        **weights.record.as_dict(),
        "refused": [{"source": source, "reason": reason} for source, reason in weights.refused],
        "arithmetic": engine.arithmetic,
        "calibration": calibration and dataclasses.asdict(calibration),
    }


def _fit(config: TrainConfig, examples: Examples) -> tuple[FittedHead, History]:
    balanced = config.class_weights == "balanced"
    train = examples.problem("train", balanced=balanced)
    validation = examples.problem("validation", balanced=balanced)
    history = History(train, validation)
    fitted = fit_head(
        config,
        train,
        validation,
        folds=examples.folds(),
        report=lambda entries: log.info("\n".join(history.add(entries))),
    )
    log.info("chosen by %s: %s (solver %s)", fitted.chosen_by, fitted.setting, config.solver)
    return fitted, history


def _tell_of_features(table: FeatureTable) -> None:
    log.info(
        "features: %d computed, %d reused, %d files skipped",
        table.computed, table.reused, len(table.skipped),
    )  # fmt: skip
    for skip in table.skipped:
        log.warning("skipped: %s: %s", skip.path, skip.reason)


class _Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)
