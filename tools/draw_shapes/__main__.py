"""The command: draw every image of every class."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.draw_shapes.files import FORMATS, save
from tools.draw_shapes.schedule import IMAGES_PER_CLASS, draw
from tools.draw_shapes.shapes import SHAPES

TRAINING_DATASET = Path(__file__).parents[2] / "training_dataset"


def _remove_previous(folder: Path, name: str) -> None:
    """Delete the images an earlier run has made, and no other file."""
    ours = re.compile(rf"{name}_\d{{3}}\.({'|'.join(FORMATS)})")
    for path in folder.iterdir():
        if ours.fullmatch(path.name):
            path.unlink()


def write(name: str, number: int, folder: Path) -> Path:
    """Draw one image of a class into a folder.

    Returns:
        Its file.
    """
    canvas, plan = draw(name, number)
    path = folder / f"{name}_{number:03d}.{plan.suffix}"
    save(canvas, path, plan.quality, plan.is_grey, plan.has_palette)
    return path


def make(output: Path) -> tuple[int, int]:
    """Write all images, replacing those of an earlier run.

    Args:
        output: the folder that holds the class folders.

    Returns:
        How many files there are, and how many bytes they have.
    """
    paths = []
    for name in sorted(SHAPES):
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        _remove_previous(folder, name)
        for number in range(IMAGES_PER_CLASS):
            paths.append(write(name, number, folder))
    return len(paths), sum(path.stat().st_size for path in paths)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tools.draw_shapes", description="Draw the training images."
    )
    parser.add_argument(
        "--output", type=Path, default=TRAINING_DATASET, help="default: %(default)s"
    )
    count, size = make(parser.parse_args(argv).output)
    print(f"{count} images in {len(SHAPES)} classes, {size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
