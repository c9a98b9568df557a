"""From a folder and a configuration to a run folder."""

import dataclasses
import logging
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import Model, earlier_arithmetic
from torch_inception.config import (
    ClassWeights,
    Device,
    EngineName,
    LayersChoice,
    PoolingChoice,
    Precision,
    Resize,
    Solver,
    TrainConfig,
    make_config,
)
from torch_inception.engines.choose import could_be_quantised, training_engine
from torch_inception.engines.openvino.int8 import Quantisation
from torch_inception.engines.protocol import Engine
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cached_pass import PassResult, Skipped, run_pass
from torch_inception.features.image_rows import ReadImage
from torch_inception.heads.coverage import coverage_thresholds
from torch_inception.heads.fit import FittedHead, fit_head
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_folder, cache_in_use
from torch_inception.system.threads import one_thread
from torch_inception.system.torch_modes import default_modes
from torch_inception.training.dataset import Dataset, class_table, read_dataset
from torch_inception.training.evaluation import (
    answer_test,
    answers_held_out,
    final_report,
    history,
    history_table,
    image_answers,
    make_metrics,
    misclassified,
)
from torch_inception.training.examples import Examples, make_examples, relative_name
from torch_inception.training.intensity import with_range
from torch_inception.training.quantisation_sample import QuantisationSample
from torch_inception.training.run_folder import (
    Run,
    check_output,
    earlier_parts,
    prepare_output,
    write_run,
)
from torch_inception.training.training_views import training_rows, views_per_image
from torch_inception.weights.load import load_weights

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
    data: str | Path,
    *,
    output: str | Path = TrainConfig.output,
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
    class_weights: ClassWeights = TrainConfig.class_weights,
    steps: int = TrainConfig.steps,
    learning_rate: float = TrainConfig.learning_rate,
    batch_size: int = TrainConfig.batch_size,
    eval_interval: int = TrainConfig.eval_interval,
    seed: int = TrainConfig.seed,
    device: Device = TrainConfig.device,
    strict: bool = TrainConfig.strict,
) -> TrainingResult:
    """Train a classifier on a folder of class folders.

    Args:
        data: the folder.
        output: folder for the results; by default `runs/` and the name of the data folder.
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
        class_weights: whether each image weighs the same, or each class.
        steps: of the solver "sgd", 1 or more; and so are the next three.
        learning_rate: of every step, above 0.
        batch_size: images per step, 1 or more.
        eval_interval: steps between two reports, 1 or more.
        seed: of everything that is drawn, 0 to 2^63 - 1.
        device: where the network runs.
        strict: kept in `config.toml`; only the command's exit status depends on it.

    Raises:
        ConfigError: a setting cannot be used.
        DatasetError: the folder cannot be trained on.
        WeightsError: no source of weights works.
        CacheError: the feature cache cannot be used.
    """
    settings = dict(locals())  # the parameters, which are the fields of TrainConfig
    if isinstance(engine, str):
        return run_training(make_config(TrainConfig, settings, origin="train_classifier"))
    del settings["engine"]
    config = make_config(TrainConfig, settings, origin="train_classifier")
    return run_training(config, engine=engine)


@default_modes()
def run_training(
    config: TrainConfig, *, engine: Engine | None = None, progress: bool = False
) -> TrainingResult:
    """Train as a configuration says.

    Args:
        config: the settings.
        engine: what runs the network; made of `config.weights` where there is none.
        progress: whether to show progress bars on standard error.

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
    with cache_in_use(cache_folder()):
        return _train(config, dataset, engine, clock, progress=progress)


def _train(
    config: TrainConfig, dataset: Dataset, engine: Engine | None, clock: "_Clock", *, progress: bool
) -> TrainingResult:
    output = config.output_folder
    with clock.phase("weights"):
        preprocessing = with_range(_configured(config), config, dataset, progress=progress)
        network = _make_network(config, preprocessing, dataset, engine)
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
        examples = make_examples(
            dataset,
            pass_result,
            holdout=config.holdout,
            with_validation=config.with_validation,
            kept=earlier_parts(config),
        )
        train = training_rows(
            config,
            examples,
            network.engine,
            preprocessing,
            store=pass_result.store,
            folder=dataset.folder,
            progress=progress,
        )
    with one_thread():
        with clock.phase("head"):
            fitted = _fit(config, train, examples)
        answers = answer_test(fitted, examples)
        metrics = make_metrics(
            config,
            examples,
            pass_result,
            fitted,
            answers,
            network=network.description(),
            views=views_per_image(config),
            seconds=clock.seconds,
        )
    model = Model(
        dataset.labels,
        fitted.head,
        preprocessing,
        network.engine.record,
        arithmetic=network.engine.arithmetic,
        refused=network.refused,
        coverage=coverage_thresholds(fitted.held_out),
    )
    skipped = [
        (relative_name(skip.path, dataset.folder), skip.reason) for skip in pass_result.skipped
    ]
    tested = image_answers(examples.part_images("test"), answers, examples.labels)
    held_out = answers_held_out(fitted, examples, views=views_per_image(config))
    write_run(
        output, Run(config, model, examples, metrics, history(fitted), tested, held_out, skipped)
    )
    for line in final_report(metrics, misclassified(tested)):
        results.info("%s", line)
    results.info("Results are in %s. To name an image:", output)
    results.info("  torch-inception predict --model %s IMAGE", shlex.quote(str(output)))
    return TrainingResult(Classifier(model, network.engine), metrics, output, pass_result.skipped)


def _configured(config: TrainConfig) -> Preprocessing:
    return Preprocessing(
        config.resize,
        exact_decode=config.exact_decode,
        intensity=config.intensity,
        page=config.page,
        channels=config.channels,
    )


class _Network(NamedTuple):
    """What runs the network, and how it came about.

    Attributes:
        engine: what runs it.
        refused: (source, reason) of each source of weights that was tried in vain.
        quantisation: what an 8-bit network was made from.
        read_images: images that were read for that.
    """

    engine: Engine
    refused: tuple[tuple[str, str], ...] = ()
    quantisation: Quantisation | None = None
    read_images: Mapping[Path, ReadImage] = MappingProxyType({})

    def description(self) -> dict[str, Any]:
        """Return plain values for metrics.json."""
        return {
            **self.engine.record.as_dict(),
            "refused": [{"source": source, "reason": reason} for source, reason in self.refused],
            "arithmetic": self.engine.arithmetic,
            "quantisation": self.quantisation and dataclasses.asdict(self.quantisation),
        }


def _make_network(
    config: TrainConfig, preprocessing: Preprocessing, dataset: Dataset, engine: Engine | None
) -> _Network:
    if engine is not None:
        return _Network(engine)
    weights = load_weights(config.weights, pooling=config.pooling)
    sample = QuantisationSample(preprocessing, dataset.paths, FileIndex(cache_folder()))
    made, quantisation = training_engine(
        config,
        weights,
        preprocessing,
        sample,
        earlier=earlier_arithmetic(config.output_folder),
    )
    return _Network(made, weights.refused, quantisation, sample.read_images)


def _fit(config: TrainConfig, train: LabelledRows, examples: Examples) -> FittedHead:
    fitted = fit_head(config, train, examples.labelled_rows("validation"))
    log.info("\n".join([f"head: solver {config.solver}", *history_table(fitted)]))
    return fitted


def _tell_of_features(pass_result: PassResult, engine: Engine) -> None:
    log.info(
        "features: %d computed, %d reused, %d files skipped",
        pass_result.computed, pass_result.reused, len(pass_result.skipped),
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
        self.seconds[name] = round(time.perf_counter() - start, 3)
