"""`torch-inception`: the list of commands, and the way from a name to one of them."""

import importlib
import sys
from collections.abc import Sequence

import torch_inception
from torch_inception.commands.flags import WRONG_USAGE, as_started, nearest
from torch_inception.commands.run import SUCCESS, open_closed_streams
from torch_inception.commands.screen import print_error
from torch_inception.commands.signals import INTERRUPTED

COMMANDS = {
    "train": "train a classifier on a folder of images",
    "predict": "name images with a trained model, or with ImageNet's 1000 classes",
    "evaluate": "measure a trained model on other labelled images",
    "audit": "find what is wrong in a training set: labels, duplicates, odd images",
    "sort": "put images without a label into class folders, by a trained model",
    "show": "tell what a trained model is, and how good it is",
    "features": "write the features of images as Parquet files, on many machines",
    "export": "write a trained model as one file that runs elsewhere",
    "serve": "answer over HTTP with trained models",
    "convert": "write weights in torchvision's form, or move a retrain.py model over",
    "cache": "tell where the cache is and how large, and clear it",
}
"""Name of each command, which is that of its module, and what it does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names; return its exit status."""
    open_closed_streams()
    name, *arguments = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in COMMANDS:
        return _run(name, arguments)
    if name in ("--help", "-h"):
        sys.stdout.write(_overview())
        return SUCCESS
    if name == "--version":
        sys.stdout.write(f"torch-inception {torch_inception.__version__}\n")
        return SUCCESS
    print_error(
        f"there is no command {name!r}{nearest(name, list(COMMANDS))} "
        f"({as_started()} --help lists all)"
    )
    return WRONG_USAGE


def _run(name: str, arguments: Sequence[str]) -> int:
    """Run a command, whose module has yet to be imported: Ctrl-C may come before it has begun."""
    try:
        command = importlib.import_module(f"torch_inception.commands.{name}")
        status: int = command.main(arguments)
    except KeyboardInterrupt:
        print_error("stopped.")
        return INTERRUPTED
    return status


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            f"usage: {as_started()} COMMAND ...",
            "",
            "Inception-v3 transfer learning: a folder of images in, a classifier out.",
            "",
            *lines,
            "",
            "COMMAND --help lists the flags of a command, --version tells the version.",
            "",
        ]
    )
