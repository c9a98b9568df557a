"""The list of commands, and the way from a name to one of them."""

import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "train": "train a classifier on a folder of images",
    "predict": "name images with a trained model, or with ImageNet's 1000 classes",
    "convert": "write weights as torchvision's state dict, or move a model of retrain.py over",
}
"""Name of each command, which is that of its module, and what it does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names; return its exit status."""
    name, *arguments = sys.argv[1:] if argv is None else [*argv] or [""]
    command = importlib.import_module(f"torch_inception.commands.{name}")
    status: int = command.main(arguments)
    return status
