"""Flags that the speed benchmarks have in common."""

import argparse

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


def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return number
