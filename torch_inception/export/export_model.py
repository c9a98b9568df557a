"""Write a classifier as a file for other programs, and compare it with the classifier."""

import logging
import shlex
from dataclasses import replace
from pathlib import Path

from torch_inception.classifier.classifier import Classifier
from torch_inception.config import ExportConfig, expand_home
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.errors import ConfigError
from torch_inception.export.browser_runtime import load_browser_runtime
from torch_inception.export.check import Comparison, ScoresOf, compare, graph_scores
from torch_inception.export.packages import check_packages
from torch_inception.export.run_exported import open_exported
from torch_inception.export.run_images import RunImages
from torch_inception.export.web_page import MODEL_FILE, WEB_FILES, check_model, write_page
from torch_inception.export.write_file import write_file
from torch_inception.exported.file_names import FILES, WEB_FOLDER
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.atomic import put_in_place, temporary_folder
from torch_inception.system.escape import counted
from torch_inception.system.replacement import prepare_replacing, replaced_together
from torch_inception.system.torch_modes import default_modes
from torch_inception.training.run_folder import writable

log = logging.getLogger(__name__)
results = logging.getLogger("torch_inception.results")

COMPARED = 200
"""Images that an exported file is compared on at most."""

FEW = 100
"""Images that are too few to show changes of 1 %."""


@default_modes()
def export_model(run: str | Path, config: ExportConfig) -> Comparison | None:
    """Write a classifier as a file that other programs run, if its answers are the classifier's.

    Args:
        run: a run folder, or a `model.pt`.
        config: format, precision, place.

    Returns:
        how its answers differ; None where the run has no images to compare on.

    Raises:
        ConfigError: a setting cannot be used, the file cannot be written, or its answers differ too
            much.
        InstallationError: a package is missing.
        ModelError, WeightsError: the classifier cannot be loaded.
    """
    config = settled(config)
    check_packages(config.format)
    path = Path(expand_home("run", str(run)))
    classifier = float32_classifier(path)
    images = RunImages(path if path.is_dir() else path.parent, classifier.model.preprocessing)
    if config.format == "web":
        return _export_page(path, classifier, images, config)
    output = output_file(path, config)
    names = [output.with_suffix(Path(each).suffix).name for each in FILES[config.format]]
    with writable(output.parent), temporary_folder(output) as staging:
        file = staging / output.name
        comparison = _write_and_compare(file, classifier, images, config)
        # The file that is named comes last, when all that it needs is there.
        for name in reversed(names):
            put_in_place(staging / name, output.parent / name)
    for name in names:
        size = (output.parent / name).stat().st_size
        results.info("%s is written (%.0f MB)", output.parent / name, size / 1e6)
    if config.format in ("onnx", "bundle"):
        quoted = shlex.quote(str(output))
        log.info("To name an image:\n  torch-inception predict --model %s IMAGE", quoted)
    return comparison


def settled(config: ExportConfig) -> ExportConfig:
    """Return the settings with a precision that is not "auto"."""
    if config.precision != "auto":
        return config
    return replace(config, precision="fp16" if config.format == "web" else "fp32")


def float32_classifier(path: Path) -> Classifier:
    """Return a classifier whose network torch runs in float32, whatever it was trained with."""
    classifier = Classifier.load(path, device="cpu")
    if isinstance(classifier.engine, TorchEngine):
        return classifier
    log.info("the model was trained in other arithmetic; it is exported from float32")
    engine = classifier.engine_with_maps
    assert isinstance(engine, TorchEngine)
    return Classifier(replace(classifier.model, arithmetic="fp32"), engine, path=path)


def output_file(run: Path, config: ExportConfig) -> Path:
    """Return the file that is written.

    Raises:
        ConfigError: the name has another ending than the format.
    """
    name = Path(FILES[config.format][0])
    if not config.output:
        return (run if run.is_dir() else run.parent) / name
    output, ending = Path(config.output), name.suffix
    if output.is_dir():
        raise ConfigError(f"--output {config.output!r} is a folder. Name a file in it.")
    if output.suffix != ending:
        raise ConfigError(
            f"--output {config.output!r} does not end in {ending}, as files of the format "
            f"{config.format} do. Give it that ending."
        )
    return output


def _export_page(
    run: Path, classifier: Classifier, images: RunImages, config: ExportConfig
) -> Comparison | None:
    """Write the folder of the format web."""
    check_model(classifier.model)
    runtime = load_browser_runtime()
    folder = run if run.is_dir() else run.parent
    output = Path(config.output) if config.output else folder / WEB_FOLDER
    with writable(output):
        prepare_replacing(output, WEB_FILES)
        with replaced_together(output, WEB_FILES) as staging:
            comparison = _write_and_compare(staging / MODEL_FILE, classifier, images, config)
            name = folder.absolute().name
            write_page(staging, classifier.model, runtime, config, name=name)
    sizes = {name: (output / name).stat().st_size / 1e6 for name in WEB_FILES}
    largest = ", ".join(f"{name} {size:.0f} MB" for name, size in sizes.items() if size >= 1)
    results.info("%s is written (%.0f MB: %s)", output, sum(sizes.values()), largest)
    quoted = shlex.quote(str(output))
    log.info("To open the page at http://localhost:8000:\n  python -m http.server -d %s", quoted)
    return comparison


def _write_and_compare(
    file: Path, classifier: Classifier, images: RunImages, config: ExportConfig
) -> Comparison | None:
    write_file(file, classifier, images, config)
    return _compared(file, classifier, images, config)


def _compared(
    file: Path, classifier: Classifier, images: RunImages, config: ExportConfig
) -> Comparison | None:
    """Compare a file with the classifier.

    Raises:
        ConfigError: its answers differ too much, and it was not said to write it all the same.
    """
    scores_of = _scores_of(file, classifier.model.preprocessing)
    part, comparison = images.part_to_compare(), None
    if part is not None:
        log.info("check: the file is run on %s images of the run", part)
        comparison = compare(classifier, scores_of, images.of(part, most=COMPARED))
    if comparison is None:
        log.warning(
            "WARNING: the file was not compared with the classifier: no image of the run can be "
            "read where the run says that it is. Run the command from the folder that training was "
            "run from."
        )
        return None
    results.info("On %s:", counted(comparison.images, f"{part} image"))
    results.info("  %s", comparison)
    if config.precision == "int8" and comparison.images < FEW:
        log.warning(
            "WARNING: so few images hardly show whether 1% of the answers change. Compare on more: "
            "torch-inception predict with both."
        )
    complaint = comparison.complaint(config.precision)
    if complaint and not config.force:
        raise ConfigError(f"the file is not written: {complaint}; or use --force.")
    if complaint:
        log.warning("WARNING: --force: %s.", complaint)
    return comparison


def _scores_of(file: Path, preprocessing: Preprocessing) -> ScoresOf:
    if file.suffix != Path(FILES["bundle"][0]).suffix:
        return graph_scores(open_exported(file), preprocessing)
    bundle = Classifier.load(file, device="cpu")
    return lambda pixels: bundle.predict_proba(pixels)[0]
