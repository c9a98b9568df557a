"""From images and a configuration to a run folder."""

import dataclasses
import logging
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import PREVIOUS_MODEL_FILE
from torch_inception.config import TrainConfig
from torch_inception.datasets.dataset import Dataset, class_table, tell_of_unused
from torch_inception.datasets.load_dataset import class_roots, load_dataset
from torch_inception.engines.choose import could_be_quantised
from torch_inception.engines.protocol import Engine
from torch_inception.exported.file_names import exported_in
from torch_inception.features.cached_pass import PassResult, Skipped
from torch_inception.heads.fit import FittedHead
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_folder, cache_in_use
from torch_inception.system.threads import one_thread
from torch_inception.system.torch_modes import default_modes
from torch_inception.tensorboard.board import check_board
from torch_inception.training.bit_depth import tell_of_bit_depth
from torch_inception.training.conflicts import without_conflicts
from torch_inception.training.earlier_run import (
    EarlierRun,
    changes_in_words,
    other_kind_in_words,
    read_earlier_run,
)
from torch_inception.training.earlier_split import EarlierSplit
from torch_inception.training.examples import Examples, check_groups, make_examples
from torch_inception.training.intensity import with_range
from torch_inception.training.on_cluster import check_cluster, on_cluster
from torch_inception.training.one_label_run import check_settings_of_one, learn_one_label
from torch_inception.training.output_folder import (
    check_inputs_stay,
    check_is_run,
    check_output,
    check_overwrite,
    choose_output,
)
from torch_inception.training.prepared import Clock, Prepared
from torch_inception.training.run_board import board_folder, write_run_board
from torch_inception.training.run_folder import Run, kept_split, prepare_output, write_run
from torch_inception.training.run_network import RunNetwork, make_network
from torch_inception.training.set_thresholds import check_thresholds_of
from torch_inception.training.several_run import check_settings_of_several, learn_several_labels
from torch_inception.training.training_views import training_rows
from torch_inception.training.uninformative import warn_of_uninformative

if TYPE_CHECKING:
    from torch_inception.features.cluster.fill_cache import FillCache

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
    check_cluster(config)
    output = choose_output(config)
    config = dataclasses.replace(config, output=str(output))
    clock = Clock()
    with clock.phase("dataset"):
        dataset = load_dataset(config, images)
        check_output(output, *class_roots(config))
        check_inputs_stay(config)
        prepare_output(output)
        check_is_run(config)
        (check_settings_of_one if dataset.several is None else check_settings_of_several)(config)
        check_thresholds_of(config, dataset)
        check_groups(config.group, dataset)
        if config.tensorboard:
            check_board(board_folder(output))
        log.info(class_table(dataset))
    with cache_in_use(cache_folder()):
        return _train(config, dataset, engine, clock, progress=progress)


def _train(
    config: TrainConfig, dataset: Dataset, engine: Engine | None, clock: Clock, *, progress: bool
) -> TrainingResult:
    # Told of what is wrong with them before any work.
    earlier = read_earlier_run(config.output_folder)
    kept = kept_split(config, earlier)
    with clock.phase("dataset"):
        preprocessing = with_range(
            Preprocessing.configured(config),
            config,
            dataset,
            earlier=earlier.model,
            kept_split=kept,
            progress=progress,
        )
    with clock.phase("weights"):
        network = make_network(config, preprocessing, dataset, engine, earlier=earlier.arithmetic)
    with on_cluster(config, dataset, preprocessing, network.engine, progress=progress) as cluster:
        with clock.phase("features"):
            pass_result = _rows_of(dataset, preprocessing, network, cluster, progress=progress)
        with clock.phase("split"):
            pass_result = _used(config, dataset, preprocessing, pass_result)
            examples = make_examples(config, dataset, pass_result, kept=kept)
            check_overwrite(config, earlier, examples)
            _warn_of_split_before(kept, examples)
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
                cluster=cluster,
                progress=progress,
            )
    prepared = Prepared(
        config, dataset, network, preprocessing, pass_result, examples, train, earlier
    )
    learn = learn_one_label if dataset.several is None else learn_several_labels
    with one_thread():
        run = learn(prepared, clock)
    return _finish(run, earlier, prepared)


def _rows_of(
    dataset: Dataset,
    preprocessing: Preprocessing,
    network: RunNetwork,
    cluster: "FillCache | None",
    *,
    progress: bool,
) -> PassResult:
    """Return the rows of all images, and tell which files are none."""
    elsewhere = 0 if cluster is None else cluster.rows(dataset.paths)
    pass_result = network.rows(preprocessing, dataset.paths, elsewhere=elsewhere, progress=progress)
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


def _finish(run: Run, earlier: EarlierRun, prepared: Prepared) -> TrainingResult:
    """Write what the run leaves, and tell of it."""
    is_kept = write_run(run, earlier)
    _tell_of_results(run, earlier, is_kept=is_kept)
    if is_kept:
        _warn_of_exported(run.config.output_folder)
    if run.config.tensorboard:
        assert isinstance(run.fitted, FittedHead)
        write_run_board(run, run.fitted)
    output = run.config.output_folder
    classifier = Classifier(run.model, prepared.network.engine, path=output)
    return TrainingResult(classifier, run.metrics, output, prepared.pass_result.skipped)


def _tell_of_results(run: Run, earlier: EarlierRun, *, is_kept: bool) -> None:
    several = run.examples.several is not None
    lines = [*run.lines, *other_kind_in_words(earlier, several=several)]
    if run.changes is not None:
        lines += changes_in_words(run.changes)
    if is_kept:
        lines.append(f"The model before this one is kept as {PREVIOUS_MODEL_FILE}.")
    for line in lines:
        results.info("%s", line)
    output = run.config.output_folder
    results.info("Results are in %s. To name an image:", output)
    results.info("  torch-inception predict --model %s IMAGE", shlex.quote(str(output)))


def _warn_of_exported(output: Path) -> None:
    """Warn of exported files of the model before."""
    for kind, file in exported_in(output).items():
        command = shlex.join(["torch-inception", "export", str(output), "--format", kind])
        log.warning(
            "WARNING: %s was exported from the model before this one. To make it anew (add the "
            "--precision that it had): %s",
            file, command,
        )  # fmt: skip


def _warn_of_split_before(kept: EarlierSplit, examples: Examples) -> None:
    if kept.refusal and not examples.is_given:
        # A setting that was left out by mistake looks like one that was changed on purpose.
        log.warning("WARNING: split: that of the run before is not kept, since %s", kept.refusal)


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
