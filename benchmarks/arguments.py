"""Flags that benchmarks have in common, and the data sets that those of accuracy are for."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.images import make_digits, make_patches
from torch_inception.config import DEFAULT_WEIGHTS


def speed_parser(description: str | None, *, images: str) -> argparse.ArgumentParser:
    """Return a parser with the flags for images, rounds and weights.

    Args:
        description: the module's docstring.
        images: help for the number of images.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=_number, default=64, help=f"{images} (default: 64)")
    parser.add_argument("--rounds", type=_number, default=5, help="default: 5")
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS, help=f"default: {DEFAULT_WEIGHTS}")
    return parser


def data_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the flags for further data sets and weights."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folders", nargs="*", type=Path, help="further folders of class folders")
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    return parser


def data_sets(place: Path, further: Sequence[Path]) -> dict[str, Path]:
    """Return name -> folder of the data sets that are measured.

    Args:
        place: a folder for those that are made.
        further: other folders of class folders.
    """
    return {
        "shapes": Path("training_dataset"),
        "digits": make_digits(place / "digits"),
        "patches": make_patches(place / "patches"),
        **{str(folder): folder for folder in further},
    }


def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return number
