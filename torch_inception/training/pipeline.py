"""From images and a configuration to a run folder."""

import dataclasses
import logging
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import PREVIOUS_MODEL_FILE, Model
from torch_inception.config import (
    FROM_PYTHON,
    ClassWeights,
    Device,
    EngineName,
    LayersChoice,
    NearDuplicates,
    PoolingChoice,
    Precision,
    Resize,
    Solver,
    TrainConfig,
    make_config,
)
from torch_inception.engines.choose import could_be_quantised
from torch_inception.engines.protocol import Engine
from torch_inception.errors import ConfigError
from torch_inception.features.cached_pass import PassResult, Skipped, run_pass
from torch_inception.heads.coverage import coverage_thresholds
from torch_inception.heads.fit import FittedHead, fit_head
from torch_inception.heads.inputs import mean_inputs
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.learning_curve import learning_curve
from torch_inception.heads.metrics import Answers
from torch_inception.images.image_input import is_path
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_folder, cache_in_use
from torch_inception.system.escape import counted
from torch_inception.system.threads import one_thread
from torch_inception.system.torch_modes import default_modes
from torch_inception.training.conflicts import without_conflicts
from torch_inception.training.dataset import Dataset, class_table
from torch_inception.training.earlier_run import (
    EarlierRun,
    changes_in_words,
    changes_since,
    read_earlier_run,
)
from torch_inception.training.evaluation import (
    answer_test,
    answers_held_out,
    history,
    image_answers,
    make_metrics,
    misclassified,
    training_record,
)
from torch_inception.training.examples import Examples, make_examples, relative_name
from torch_inception.training.intensity import with_range
from torch_inception.training.load_dataset import class_roots, load_dataset
from torch_inception.training.output_folder import (
    check_inputs_stay,
    check_is_run,
    check_output,
    check_overwrite,
    choose_output,
)
from torch_inception.training.report_lines import final_report, history_table
from torch_inception.training.run_folder import Run, kept_split, prepare_output, write_run
from torch_inception.training.run_network import RunNetwork, make_network
from torch_inception.training.scores import image_scores
from torch_inception.training.training_views import training_rows, views_per_image
from torch_inception.training.uninformative import warn_of_uninformative

log = logging.getLogger(__name__)
results = logging.getLogger("torch_inception.results")

LONG_PASS = 2000
"""Images to compute from which on a run tells of 8-bit integers."""

INT8_SPEED_UP = 3.5
"""How many times as fast as float32 a pass over 640 x 480 JPEGs is; benchmarks/whole_pass.py."""


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


def train_classifier(
    data: str | Path | Iterable[Any],
    *,
    output: str | Path = TrainConfig.output,
    overwrite: bool = TrainConfig.overwrite,
    test_data: str | Path = TrainConfig.test_data,
    labels: str | Path = TrainConfig.labels,
    weights: str | Path = TrainConfig.weights,
    pooling: PoolingChoice = TrainConfig.pooling,
    resize: Resize = TrainConfig.resize,
    exact_decode: bool = TrainConfig.exact_decode,
    intensity: str = TrainConfig.intensity,
    page: str = TrainConfig.page,
    channels: str = TrainConfig.channels,
    precision: Precision = TrainConfig.precision,
    engine: EngineName | Engine = TrainConfig.engine,
    layers: LayersChoice = TrainConfig.layers,
    solver: Solver = TrainConfig.solver,
    views: int = TrainConfig.views,
    flip: bool = TrainConfig.flip,
    random_crop: float = TrainConfig.random_crop,
    random_scale: float = TrainConfig.random_scale,
    random_brightness: float = TrainConfig.random_brightness,
    holdout: float = TrainConfig.holdout,
    group: str = TrainConfig.group,
    near_duplicates: NearDuplicates = TrainConfig.near_duplicates,
    class_weights: ClassWeights = TrainConfig.class_weights,
    path_column: str = TrainConfig.path_column,
    label_column: str = TrainConfig.label_column,
    steps: int = TrainConfig.steps,
    learning_rate: float = TrainConfig.learning_rate,
    batch_size: int = TrainConfig.batch_size,
    eval_interval: int = TrainConfig.eval_interval,
    seed: int = TrainConfig.seed,
    device: Device = TrainConfig.device,
    keep_conflicts: bool = TrainConfig.keep_conflicts,
    strict: bool = TrainConfig.strict,
) -> TrainingResult:
    """Train a classifier on a folder of class folders, a table, a list or a data frame.

    Args:
        data: the folder; or a list of pairs (path, label); or a data frame, or a mapping of
            columns, with the columns path, label and, if need be, split and group. "" for none,
            with `labels`.
        test_data: folder of the same class folders, whose images are for the test alone.
        labels: table (.csv or .jsonl) of the images, in place of class folders; its paths are
            relative to `data` or to the folder that it is in.
        output: folder for the results; by default `runs/` and the name of the data folder.
        overwrite: whether results in that folder are replaced also where no image is in common.
        weights: sources of the network's weights, comma-separated, tried in order.
        pooling: how the network's pooling branches pool; "auto" is what the weights were trained
            with.
        resize: how an image becomes 299 x 299; see `Preprocessing`.
        exact_decode: whether large JPEGs are decoded at full size; see `Preprocessing`.
        intensity: what values of more than 8 bits are scaled to 8 bits by: "image", "dataset" or
            "LOW,HIGH"; see `Preprocessing`.
        page: of a TIFF of several pages: a number from 1, "max" or "mean"; "" for the first.
        channels: of a TIFF of several channels: up to three numbers from 1, such as "1,2"; "" for
            the first.
        precision: arithmetic of the network.
        engine: what runs the network on a CPU; or an engine of the caller's own, which takes the
            place of the weights.
        layers: of the network that the head reads; "auto" is what answers training images better,
            each left out in turn.
        solver: how the head is fitted.
        views: of each training image, 1, 2 or 4: as it is; mirrored; cropped to 90%, and with a
            border to 120%.
        flip: whether four further views are drawn for each, half of them mirrored; they are drawn
            too where one of the next three is not 0. All four are those of `retrain.py`.
        random_crop: percent by which the image is larger than a drawn view of it, 0 to 100.
        random_scale: percent that they are enlarged by at most, 0 to 100.
        random_brightness: percent that they are brighter or darker by at most, 0 to 100.
        holdout: share of the images that are for the test alone, 0 to 0.5.
        group: a regular expression, searched in each image's path below the data folder (with
            forward slashes). What its first group finds names a group of images that is on one
            side of the split, and is left out together; "" for none.
        near_duplicates: whether images that are nearly the same are such a group.
        class_weights: whether each image weighs the same, or each class.
        path_column: of the table or data frame, that has the paths; by default one with a usual
            name.
        label_column: the same, that has the labels.
        steps: of the solver "sgd", 1 or more; and so are the next three.
        learning_rate: of every step, above 0.
        batch_size: images per step, 1 or more.
        eval_interval: steps between two reports, 1 or more.
        seed: of everything that is drawn, 0 to 2^63 - 1.
        device: where the network runs.
        keep_conflicts: whether images that lie, byte for byte, in several classes are trained on.
        strict: kept in `config.toml`; only the command's exit status depends on it.

    Raises:
        ConfigError: a setting cannot be used.
        DatasetError: the images cannot be trained on.
        WeightsError: no source of weights works.
        CacheError: the feature cache cannot be used.
    """
    settings = dict(locals())  # the parameters, which are the fields of TrainConfig
    if isinstance(data, str) and not data and not labels:
        raise ConfigError("data = '' must name a folder.")
    images = None if is_path(data) or not isinstance(data, Iterable) else data
    if images is not None:
        settings["data"] = FROM_PYTHON
    own_engine = None if isinstance(engine, str) else engine
    if own_engine is not None:
        del settings["engine"]
    config = make_config(TrainConfig, settings, origin="train_classifier")
    return run_training(config, engine=own_engine, images=images)


@default_modes()
def run_training(
    config: TrainConfig,
    *,
    engine: Engine | None = None,
    images: Iterable[Any] | None = None,
    progress: bool = False,
) -> TrainingResult:
    """Train as a configuration says.

    Args:
        config: the settings.
        engine: what runs the network; made of `config.weights` where there is none.
        images: a list or data frame of labelled images, in place of a folder or table.
        progress: whether to show progress bars on standard error.

    Raises: as `train_classifier`.
    """
    output = choose_output(config)
    config = dataclasses.replace(config, output=str(output))
    clock = _Clock()
    with clock.phase("dataset"):
        dataset = load_dataset(config, images)
        check_output(output, *class_roots(config))
        check_inputs_stay(config)
        prepare_output(output)
        check_is_run(config)
        log.info(class_table(dataset))
    with cache_in_use(cache_folder()):
        return _train(config, dataset, engine, clock, progress=progress)


def _train(
    config: TrainConfig, dataset: Dataset, engine: Engine | None, clock: "_Clock", *, progress: bool
) -> TrainingResult:
    # Told of what is wrong with them before any work.
    earlier, kept = read_earlier_run(config.output_folder), kept_split(config)
    with clock.phase("dataset"):
        preprocessing = with_range(_configured(config), config, dataset, progress=progress)
    with clock.phase("weights"):
        network = make_network(config, preprocessing, dataset, engine)
    with clock.phase("features"):
        pass_result = run_pass(
            network.engine,
            preprocessing,
            dataset.paths,
            cache=cache_folder(),
            ready=network.read_images,
            progress=progress,
        )
        _tell_of_features(pass_result, network.engine)
    with clock.phase("split"):
        if not config.keep_conflicts:
            pass_result = without_conflicts(dataset, pass_result)
        warn_of_uninformative(pass_result, dataset.folder)
        examples = make_examples(config, dataset, pass_result, kept=kept)
        check_overwrite(config, earlier, examples)
        _warn_of_lost_test(dataset, examples)
    with clock.phase("features"):
        train = training_rows(
            config,
            examples,
            network.engine,
            preprocessing,
            store=pass_result.store,
            paths=pass_result.paths,
            folder=dataset.folder,
            progress=progress,
        )
    with one_thread():
        with clock.phase("head"):
            fitted = _fit(config, train, examples)
        with clock.phase("learning_curve"):
            curve = learning_curve(fitted, train)
        learnt = _Learnt(
            config, dataset, network, preprocessing, pass_result, examples, fitted, curve
        )
        run = _run_of(learnt, earlier, clock.seconds)
    is_kept = write_run(config.output_folder, run)
    _tell_of_results(run, is_kept=is_kept)
    classifier = Classifier(run.model, network.engine)
    return TrainingResult(classifier, run.metrics, config.output_folder, pass_result.skipped)


class _Learnt(NamedTuple):
    """What a run has come to, before it is judged."""

    config: TrainConfig
    dataset: Dataset
    network: RunNetwork
    preprocessing: Preprocessing
    pass_result: PassResult
    examples: Examples
    fitted: FittedHead
    learning_curve: list[dict[str, Any]]


def _run_of(learnt: _Learnt, earlier: EarlierRun | None, seconds: Mapping[str, float]) -> Run:
    """Return everything that the run leaves."""
    config, examples, fitted = learnt.config, learnt.examples, learnt.fitted
    views, folder = views_per_image(config), learnt.dataset.folder
    answers = answer_test(fitted, examples)
    tested = image_answers(examples.part_images("test"), answers, examples.labels)
    changes = None if earlier is None else changes_since(earlier, examples, tested)
    metrics = make_metrics(
        config,
        examples,
        learnt.pass_result,
        fitted,
        answers,
        network=learnt.network.description(),
        views=views,
        seconds=seconds,
    )
    metrics["learning_curve"] = learnt.learning_curve
    metrics["changes"] = changes and changes._asdict()
    return Run(
        config,
        _model_of(learnt, answers),
        examples,
        metrics,
        history(fitted),
        tested,
        answers_held_out(fitted, examples, views=views),
        image_scores(fitted, examples, views=views),
        [(relative_name(each.path, folder), each.reason) for each in learnt.pass_result.skipped],
        changes,
    )


def _model_of(learnt: _Learnt, test: Answers) -> Model:
    network, fitted = learnt.network, learnt.fitted
    train = learnt.examples.labelled_rows("train").features
    return Model(
        learnt.examples.labels,
        fitted.head,
        learnt.preprocessing,
        network.engine.record,
        arithmetic=network.engine.arithmetic,
        refused=network.refused,
        coverage=coverage_thresholds(fitted.held_out),
        mean_inputs=mean_inputs(fitted.head.layers, train),
        training=training_record(fitted, learnt.examples, test),
    )


def _tell_of_results(run: Run, *, is_kept: bool) -> None:
    lines = final_report(run.metrics, misclassified(run.tested))
    if run.changes is not None:
        lines += changes_in_words(run.changes)
    if is_kept:
        lines.append(f"The model before this one is kept as {PREVIOUS_MODEL_FILE}.")
    for line in lines:
        results.info("%s", line)
    output = run.config.output_folder
    results.info("Results are in %s. To name an image:", output)
    results.info("  torch-inception predict --model %s IMAGE", shlex.quote(str(output)))


def _configured(config: TrainConfig) -> Preprocessing:
    return Preprocessing(
        config.resize,
        exact_decode=config.exact_decode,
        intensity=config.intensity,
        page=config.page,
        channels=config.channels,
    )


def _fit(config: TrainConfig, train: LabelledRows, examples: Examples) -> FittedHead:
    fitted = fit_head(config, train, examples.labelled_rows("validation"))
    log.info("\n".join([f"head: solver {config.solver}", *history_table(fitted)]))
    return fitted


def _warn_of_lost_test(dataset: Dataset, examples: Examples) -> None:
    if "test" in dataset.parts and "test" not in examples.parts:
        log.warning(
            "WARNING: none of the test images can be used; the lines above say why. Nothing is "
            "tested."
        )


def _tell_of_features(pass_result: PassResult, engine: Engine) -> None:
    log.info(
        "features: %d computed, %d reused, %s skipped",
        pass_result.computed, pass_result.reused, counted(len(pass_result.skipped), "file"),
    )  # fmt: skip
    if pass_result.computed >= LONG_PASS and could_be_quantised(engine):
        log.info(
            "With --precision int8 this processor would have computed them some %s times as fast.",
            INT8_SPEED_UP,
        )
    for skip in pass_result.skipped:
        log.warning("skipped: %s: %s", skip.path, skip.reason)


class _Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        seconds = self.seconds.get(name, 0) + time.perf_counter() - start
        self.seconds[name] = round(seconds, 3)
