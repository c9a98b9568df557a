"""Name images with a trained model, or with ImageNet's 1000 classes."""

import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import FAILURE, SUCCESS, run_command
from torch_inception.commands.screen import print_error
from torch_inception.config import DEFAULT_WEIGHTS, PredictConfig
from torch_inception.errors import ConfigError
from torch_inception.system.escape import printable
from torch_inception.system.torch_pair import check_torch_pair

if TYPE_CHECKING:
    from torch_inception.classifier.classifier import Classifier
    from torch_inception.engines.protocol import Engine
    from torch_inception.exported.exported_classifier import ExportedClassifier

log = logging.getLogger(__name__)

_OTHER_OUTPUT = ("top", "coverage", "neighbours", "explain", "format")
"""Settings of what is written where `--unsure` asks for no table."""

_OWN_NETWORK = "has its network in it, which ONNX Runtime runs on the CPU. Leave it out."
_BEST_ALONE = (
    "has the map of each image's best class alone. Leave it out, or name the run folder that the "
    "file was exported from."
)
_NOT_EXPORTED = {
    "unsure": "does not tell how images differ. Name the run folder that it was exported from.",
    "neighbours": "does not have the training images. Name the run folder that it was exported "
    "from.",
    "explain_class": _BEST_ALONE,
    "explain_versus": _BEST_ALONE,
    "weights": _OWN_NETWORK,
    "pooling": _OWN_NETWORK,
    "device": _OWN_NETWORK,
}
"""Setting that files of `export` do not take -> why."""


def main(argv: Sequence[str] | None = None, *, engine: "Engine | None" = None) -> int:
    """Run the command; return its exit status.

    Args:
        argv: arguments; those of the process by default.
        engine: what runs the network of a model; made of its weights by default.
    """
    parser = Parser("predict", description=__doc__, operands="PATH ...", settings=PredictConfig)
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="an image, a folder, a pattern such as 'photos/*.jpg', or - for paths on standard "
        "input, one per line",
    )
    arguments = parser.parse(argv)
    config = parser.config(arguments, PredictConfig)
    if (config.explain_class or config.explain_versus) and not config.explain:
        parser.error("--explain-class and --explain-versus need --explain, a folder for maps")
    for name in _OTHER_OUTPUT if config.unsure else ():
        if getattr(config, name) != getattr(PredictConfig, name):
            parser.error(f"--unsure writes a table of its own: leave out --{name}")
    return run_command(
        lambda: _predict(arguments.paths, config, engine),
        log_to=sys.stderr,
        quiet=arguments.quiet,
        when_stopped="stopped. What was answered is whole; give the other images to go on.",
    )


def _predict(names: Sequence[str], config: PredictConfig, engine: "Engine | None") -> int:
    if "" in names:
        raise ConfigError("an empty path is given. Name an image, a folder, a pattern or -.")
    # Imported here, so that --help does not wait for torch.
    from torch_inception.commands.additions import additions
    from torch_inception.commands.inputs import (
        STANDARD_INPUT,
        at_home,
        expand_paths,
        is_one_file,
        lines_of,
    )
    from torch_inception.commands.outputs import write_answers
    from torch_inception.commands.unsure import write_unsure
    from torch_inception.exported.description import is_exported
    from torch_inception.images.pillow_settings import silent_libtiff

    for name in names:
        if re.match(r"(https?|ftp)://", name):
            raise ConfigError(f"{name} is a web address: download the image first.")
    names = [at_home(name) for name in names]
    is_single = is_one_file(names)
    classifier = (
        _exported(config, for_one=is_single)
        if is_exported(Path(config.model))
        else _classifier(config, engine)
    )
    paths = expand_paths(names, standard_input=lines_of(sys.stdin))
    with silent_libtiff():
        if config.unsure:
            count, bad = write_unsure(classifier, paths, config, sys.stdout)
        else:
            count, bad = write_answers(
                classifier,
                paths,
                top=config.top,
                additions=additions(classifier, config),
                style=config.format,
                headings=not is_single,
                output=sys.stdout,
            )
    # A program may find no image to name; a table of the least sure of none is a mistake.
    may_be_none = STANDARD_INPUT in names and not config.unsure
    if count == 0 and may_be_none:
        log.warning("WARNING: there is no image in what was given, so none is named.")
    elif count == 0:
        print_error("there is no image in what was given.")
        return FAILURE
    if bad and not is_single:
        print_error(f"{len(bad)} could not be named, the first of them {printable(str(bad[0]))}.")
    return FAILURE if bad else SUCCESS


def _exported(config: PredictConfig, *, for_one: bool) -> "ExportedClassifier":
    """Load a file of `export`.

    Raises:
        ConfigError: something is asked for that it does not have.
    """
    from torch_inception.exported.exported_classifier import ExportedClassifier

    for name, reason in _NOT_EXPORTED.items():
        value = getattr(config, name)
        if value != getattr(PredictConfig, name):
            raise ConfigError(f"{name} = {value!r}: {config.model} {reason}")
    return ExportedClassifier.load(config.model, for_one=for_one)


def _classifier(config: PredictConfig, engine: "Engine | None") -> "Classifier":
    check_torch_pair()
    from torch_inception.classifier.classifier import Classifier

    if not config.model:
        return Classifier.imagenet(
            weights=config.weights or DEFAULT_WEIGHTS, pooling=config.pooling, device=config.device
        )
    return Classifier.load(
        config.model,
        weights=config.weights,
        pooling=config.pooling,
        device=config.device,
        engine=engine,
    )
