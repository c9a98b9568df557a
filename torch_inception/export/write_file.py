"""Make the file of a format and a precision."""

import logging
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from torch_inception.classifier.classifier import Classifier
from torch_inception.config import ExportConfig
from torch_inception.engines.openvino.int8 import FEWEST_IMAGES, MOST_IMAGES
from torch_inception.engines.openvino.quantisation import evened_out
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.errors import ConfigError
from torch_inception.export.graph import ImageGraph
from torch_inception.export.metadata import describe
from torch_inception.export.onnx_file import quantise, store_half, write_onnx
from torch_inception.export.openvino_model import write_openvino
from torch_inception.export.run_images import RunImage, RunImages
from torch_inception.export.torch_program import export_program, write_program
from torch_inception.exported.session import graph_input
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.escape import counted

log = logging.getLogger(__name__)


def write_file(file: Path, classifier: Classifier, images: RunImages, config: ExportConfig) -> None:
    """Write a classifier in the form that is configured, not compared with anything yet.

    Args:
        file: the file; what belongs to it lies beside it.
        classifier: whose network torch runs in float32.
        images: of the run; int8 is quantised on training images.
        config: format and precision.

    Raises:
        ConfigError: there are too few images.
        InstallationError: a package is missing.
        OSError: it cannot be written.
    """
    if config.format == "bundle":
        assert config.precision in ("fp32", "fp16")
        classifier.save(file, bundle=config.precision)
        return
    sample: list[RunImage] = []
    if config.precision == "int8":
        sample = list(images.of("train", most=MOST_IMAGES))
        _check_number(len(sample))
    graph = _graph(classifier, sample)
    about = describe(classifier.model)
    log.info("export: the network is taken apart; this takes about half a minute")
    program = export_program(graph)
    if config.format == "torch":
        write_program(program, file, about)
        return
    onnx_file = file.with_suffix(".onnx")
    write_onnx(program, onnx_file, about, graph.outputs)
    if config.precision == "int8":
        _quantise(onnx_file, sample, classifier.model.preprocessing)
    half = config.precision == "fp16"
    if config.format == "openvino":
        write_openvino(onnx_file, file, about, classifier.labels, half=half)
        onnx_file.unlink()
    elif half:
        store_half(onnx_file)


def _graph(classifier: Classifier, sample: Sequence[RunImage]) -> ImageGraph:
    """Return the graph; where there is a sample, with the network's channels evened out on it."""
    engine, model = classifier.engine, classifier.model
    assert isinstance(engine, TorchEngine)
    if not sample:
        return ImageGraph(model, engine.copy_network())
    seen = [model.preprocessing(Image.fromarray(each.pixels)) for each in sample]
    return ImageGraph(model, *evened_out(engine, seen))


def _quantise(onnx_file: Path, sample: Sequence[RunImage], preprocessing: Preprocessing) -> None:
    log.info("int8: ranges are taken from %s", counted(len(sample), "training image"))
    quantise(onnx_file, [graph_input(each.pixels, preprocessing) for each in sample])


def _check_number(count: int) -> None:
    if count < FEWEST_IMAGES:
        raise ConfigError(
            f"precision 'int8' needs {FEWEST_IMAGES} training images of the run, which show the "
            f"ranges of values, and {count} can be read where the run says that they are. Run the "
            "command from the folder that training was run from, or use --precision fp16."
        )
