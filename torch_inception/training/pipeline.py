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
from torch_inception.classifier.model_weights import bundled
from torch_inception.config import TrainConfig
from torch_inception.engines.choose import could_be_quantised
from torch_inception.engines.protocol import Engine
from torch_inception.features.cached_pass import PassResult, Skipped, run_pass, tell_of_pass
from torch_inception.heads.coverage import coverage_thresholds
from torch_inception.heads.fit import FittedHead, fit_head
from torch_inception.heads.fit_class_space import FittedSpace, fit_class_space
from torch_inception.heads.inputs import mean_inputs
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.learning_curve import learning_curve
from torch_inception.heads.metrics import Answers
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_folder, cache_in_use
from torch_inception.system.threads import one_thread
from torch_inception.system.torch_modes import default_modes
from torch_inception.tensorboard.board import check_board
from torch_inception.training.bit_depth import tell_of_bit_depth
from torch_inception.training.conflicts import without_conflicts
from torch_inception.training.dataset import Dataset, class_table, tell_of_unused
from torch_inception.training.distances import image_distances, unlike_counts
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
from torch_inception.training.neighbours import kept_images
from torch_inception.training.output_folder import (
    check_inputs_stay,
    check_is_run,
    check_output,
    check_overwrite,
    choose_output,
)
from torch_inception.training.report_lines import final_report, history_table
from torch_inception.training.run_board import board_folder, write_run_board
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
        if config.tensorboard:
            check_board(board_folder(output))
        log.info(class_table(dataset))
    with cache_in_use(cache_folder()):
        return _train(config, dataset, engine, clock, progress=progress)


def _train(
    config: TrainConfig, dataset: Dataset, engine: Engine | None, clock: "_Clock", *, progress: bool
) -> TrainingResult:
    # Told of what is wrong with them before any work.
    earlier = read_earlier_run(config.output_folder)
    kept = kept_split(config, earlier)
    with clock.phase("dataset"):
        preprocessing = with_range(
            _configured(config),
            config,
            dataset,
            earlier=earlier.model,
            kept_split=kept,
            progress=progress,
        )
    with clock.phase("weights"):
        network = make_network(config, preprocessing, dataset, engine, earlier=earlier.arithmetic)
    with clock.phase("features"):
        pass_result = _rows_of(dataset, preprocessing, network, progress=progress)
    with clock.phase("split"):
        pass_result = _used(config, dataset, preprocessing, pass_result)
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
        fitted = _fit(config, train, examples, clock)
        learnt = _Learnt(config, dataset, network, preprocessing, pass_result, examples, *fitted)
        run = _run_of(learnt, earlier, clock.seconds)
    return _finish(run, earlier, learnt)


def _rows_of(
    dataset: Dataset, preprocessing: Preprocessing, network: RunNetwork, *, progress: bool
) -> PassResult:
    """Return the rows of all images, and tell which files are none."""
    pass_result = run_pass(
        network.engine,
        preprocessing,
        dataset.paths,
        cache=cache_folder(),
        ready=network.read_images,
        progress=progress,
    )
    tell_of_pass(pass_result)
    _tell_of_int8(pass_result, network.engine)
    return pass_result


def _used(
    config: TrainConfig, dataset: Dataset, preprocessing: Preprocessing, pass_result: PassResult
) -> PassResult:
    """Leave out images that are in several classes; tell what is odd about the others."""
    if not config.keep_conflicts:
        pass_result = without_conflicts(dataset, pass_result)
    tell_of_unused(dataset, pass_result.paths)
    warn_of_uninformative(pass_result, dataset.folder)
    tell_of_bit_depth(pass_result, dataset, preprocessing)
    return pass_result


def _fit(
    config: TrainConfig, train: LabelledRows, examples: Examples, clock: "_Clock"
) -> tuple[FittedHead, FittedSpace, list[dict[str, Any]]]:
    """Return the head, the space of the classes and the learning curve."""
    with clock.phase("head"):
        fitted = fit_head(config, train, examples.labelled_rows("validation"))
        log.info("\n".join([f"head: solver {config.solver}", *history_table(fitted)]))
        space = fit_class_space(examples.labelled_rows("train"))
    with clock.phase("learning_curve"):
        return fitted, space, learning_curve(fitted, train)


def _finish(run: Run, earlier: EarlierRun, learnt: "_Learnt") -> TrainingResult:
    """Write what the run leaves, and tell of it."""
    is_kept = write_run(run, earlier)
    _tell_of_results(run, is_kept=is_kept)
    if run.config.tensorboard:
        write_run_board(run, learnt.fitted)
    output = run.config.output_folder
    classifier = Classifier(run.model, learnt.network.engine, path=output)
    return TrainingResult(classifier, run.metrics, output, learnt.pass_result.skipped)


class _Learnt(NamedTuple):
    """What a run has come to, before it is judged."""

    config: TrainConfig
    dataset: Dataset
    network: RunNetwork
    preprocessing: Preprocessing
    pass_result: PassResult
    examples: Examples
    fitted: FittedHead
    space: FittedSpace
    learning_curve: list[dict[str, Any]]


def _run_of(learnt: _Learnt, earlier: EarlierRun, seconds: Mapping[str, float]) -> Run:
    """Return everything that the run leaves."""
    config, examples, fitted = learnt.config, learnt.examples, learnt.fitted
    views, folder = views_per_image(config), learnt.dataset.folder
    answers = answer_test(fitted, examples)
    tested = image_answers(examples.part_images("test"), answers, examples.labels)
    changes = (
        changes_since(earlier, examples, tested, learnt.preprocessing) if earlier.images else None
    )
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
    distances = image_distances(learnt.space, examples)
    metrics["unlike"] = unlike_counts(learnt.space.space, distances.get("test"))
    metrics["changes"] = changes and changes._asdict()
    return Run(
        config,
        _model_of(learnt, answers),
        examples,
        metrics,
        history(fitted),
        tested,
        answers_held_out(fitted, examples, views=views),
        image_scores(fitted, examples, distances, views=views),
        [(relative_name(each.path, folder), each.reason) for each in learnt.pass_result.skipped],
        changes,
        kept_images(learnt.space.space, examples),
    )


def _model_of(learnt: _Learnt, test: Answers) -> Model:
    network, fitted = learnt.network, learnt.fitted
    train = learnt.examples.labelled_rows("train").features
    model = Model(
        learnt.examples.labels,
        fitted.head,
        learnt.preprocessing,
        network.engine.record,
        arithmetic=network.engine.arithmetic,
        refused=network.refused,
        coverage=coverage_thresholds(fitted.held_out),
        mean_inputs=mean_inputs(fitted.head.layers, train),
        space=learnt.space.space,
        training=training_record(fitted, learnt.examples, test),
    )
    if network.weights is None:
        return model
    return bundled(model, network.weights, half=learnt.config.bundle == "fp16")


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


def _warn_of_lost_test(dataset: Dataset, examples: Examples) -> None:
    if "test" in dataset.parts and "test" not in examples.parts:
        log.warning(
            "WARNING: none of the test images can be used; the lines above say why. Nothing is "
            "tested."
        )


def _tell_of_int8(pass_result: PassResult, engine: Engine) -> None:
    if pass_result.computed >= LONG_PASS and could_be_quantised(engine):
        log.info(
            "With --precision int8 this processor would have computed them some %s times as fast.",
            INT8_SPEED_UP,
        )


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
