"""Draw the training pictures: `python training_dataset/make.py [--output DIRECTORY]`.

Writes the folders circle, plus, square and triangle. The same versions of NumPy and Pillow give the
same files again.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

# A cache folder beside the class folders would be taken for a class.
sys.dont_write_bytecode = True

from files import FORMATS, save  # noqa: E402 - has to follow the line above
from schedule import PICTURES_PER_CLASS, draw  # noqa: E402
from shapes import SHAPES  # noqa: E402


def _remove_previous(folder: Path, name: str) -> None:
    """Delete the pictures an earlier run has made, and no other file."""
    ours = re.compile(rf"{name}_\d{{3}}\.({'|'.join(FORMATS)})")
    for path in folder.iterdir():
        if ours.fullmatch(path.name):
            path.unlink()


def write(name: str, number: int, folder: Path) -> Path:
    """Draw one picture of a class into a folder.

    Returns:
        Its file.
    """
    canvas, plan = draw(name, number)
    path = folder / f"{name}_{number:03d}.{plan.suffix}"
    save(canvas, path, plan.quality, plan.is_grey, plan.has_palette)
    return path


def make(output: Path) -> tuple[int, int]:
    """Write all pictures, replacing those of an earlier run.

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
        for number in range(PICTURES_PER_CLASS):
            paths.append(write(name, number, folder))
    return len(paths), sum(path.stat().st_size for path in paths)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Draw the training pictures.")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent, help="default: %(default)s"
    )
    count, size = make(parser.parse_args(argv).output)
    print(f"{count} pictures in {len(SHAPES)} classes, {size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
