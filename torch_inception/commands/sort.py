"""Put images that have no label into class folders, as a trained model takes them."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import FAILURE, SUCCESS, run_command
from torch_inception.commands.screen import print_error
from torch_inception.config import SortConfig
from torch_inception.errors import ConfigError
from torch_inception.system.escape import columns, padded, printable
from torch_inception.system.torch_pair import check_torch_pair

if TYPE_CHECKING:
    from torch_inception.curation.sort_images import Sorted
    from torch_inception.engines.protocol import Engine

FOLDERS_SHOWN = 40
"""Folders of classes up to which each has its line."""


def main(argv: Sequence[str] | None = None, *, engine: "Engine | None" = None) -> int:
    """Run the command; return its exit status.

    Args:
        argv: arguments; those of the process by default.
        engine: what runs the network of the model; made of its weights by default.
    """
    parser = Parser("sort", description=__doc__, operands="FOLDER ...", settings=SortConfig)
    parser.add_argument(
        "paths", nargs="+", metavar="FOLDER", help="a folder of images, an image, or a pattern"
    )
    arguments = parser.parse(argv)
    config = parser.config(arguments, SortConfig)
    for name in ("model", "into"):
        if not getattr(config, name):
            parser.error(f"--{name} is needed")

    return run_command(
        lambda: _sort(arguments.paths, config, engine),
        log_to=sys.stderr,
        quiet=arguments.quiet,
        when_stopped="stopped. Run the same command again: it goes on where it stopped.",
    )


def _sort(names: Sequence[str], config: SortConfig, engine: "Engine | None") -> int:
    # Imported here, so that --help does not wait for numpy or torch.
    from torch_inception.exported.description import refuse_exported

    refuse_exported(Path(config.model))
    check_torch_pair()
    from torch_inception.classifier.classifier import Classifier
    from torch_inception.commands.inputs import at_home, expand_paths
    from torch_inception.curation.sort_images import sort_images
    from torch_inception.images.pillow_settings import silent_libtiff

    names = [at_home(name) for name in names]
    into = Path(config.into)
    _check_apart(names, into)
    classifier = Classifier.load(
        config.model, weights=config.weights, device=config.device, engine=engine
    )
    with silent_libtiff():
        found = sort_images(classifier, expand_paths(names, standard_input=()), config)
    for path, error in found.bad:
        print_error(f"{printable(str(path))}: {printable(str(error))}")
    if not found.placed and not found.before:
        print_error("there is no image in what was given.")
        return FAILURE
    sys.stdout.write(_told(found, into))
    return FAILURE if found.bad else SUCCESS


def _check_apart(names: Sequence[str], into: Path) -> None:
    """Refuse to put images into a folder that they are read from.

    Raises:
        ConfigError: it is one.
    """
    there = into.resolve()
    for name in names:
        folder = Path(name).resolve()
        if folder.is_dir() and (there.is_relative_to(folder) or folder.is_relative_to(there)):
            raise ConfigError(
                f"into = {str(into)!r}: images of {name} would be sorted into the folder that they "
                "are read from. Name a folder elsewhere."
            )


def _told(found: "Sorted", into: Path) -> str:
    """Return how many images went where, a line for each folder, and what to do next."""
    from torch_inception.curation.sort_images import SORTED, TABLE

    lines = found.counts(FOLDERS_SHOWN)
    lines += [("sorted before", found.before)] * (found.before > 0)
    lines += [("not read, left where they are", len(found.bad))] * (len(found.bad) > 0)
    shown = [(printable(name), f"{count:,}") for name, count in lines]
    wide, long = (max(map(columns, each)) for each in zip(*shown, strict=True))
    table, folder = (printable(str(into / name)) for name in (TABLE, SORTED))
    told = [f"{padded(name, wide)}  {count:>{long}}\n" for name, count in shown]
    told.append(f"What went where is in {table}.\n")
    if found.placed:
        command = shlex.join(["torch-inception", "train", "--data", str(into / SORTED)])
        told.append(f"Move by hand what is wrong, unsure or unlike into {folder}; then:\n")
        told.append(f"  {printable(command)}\n")
    return "".join(told)
