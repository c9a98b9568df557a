"""The images that come with the project are there, and `tools.draw_shapes` draws them."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy
import pytest
from PIL import Image

from torch_inception.datasets.dataset import read_dataset
from torch_inception.images.decode import decode

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "training_dataset"
CLASSES = ["circle", "plus", "square", "triangle"]


def content_hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in read_dataset(folder).paths
    }


def test_every_class_has_enough_images_of_every_format_and_all_are_small() -> None:
    dataset = read_dataset(IMAGES)
    assert dataset.label_texts == CLASSES
    assert min(dataset.counts().values()) >= 60
    assert sum(path.stat().st_size for path in dataset.paths) < 6_000_000
    for number in range(len(CLASSES)):
        own = [p for p, t in zip(dataset.paths, dataset.targets, strict=True) if t == number]
        formats = Counter(path.suffix for path in own)
        assert set(formats) == {".jpg", ".png", ".webp", ".gif", ".bmp"}
        assert min(formats.values()) >= 5


def test_every_image_decodes_and_none_is_twice_there() -> None:
    paths = read_dataset(IMAGES).paths
    sizes = [decode(path.read_bytes()).size for path in paths]
    assert min(min(size) for size in sizes) >= 32
    assert len(set(content_hashes(IMAGES).values())) == len(paths)


SAMPLE = range(3, 180, 37)
"""Numbers of the images that are drawn again; drawing all of them would take a minute."""

SCRIPT = """
import sys
from pathlib import Path
from tools.draw_shapes.__main__ import write
for name in sys.argv[2].split():
    for number in map(int, sys.argv[3].split()):
        write(name, number, Path(sys.argv[1]))
"""


def run_python(*arguments: str) -> str:
    """Run Python as in the root of the repository, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "1000"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout


def draw_sample(folder: Path) -> list[Path]:
    """Draw some images of each class as the command draws them."""
    run_python("-c", SCRIPT, str(folder), " ".join(CLASSES), " ".join(map(str, SAMPLE)))
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw_sample(tmp_path_factory.mktemp("drawn"))


def test_the_command_draws_into_the_training_dataset_by_default() -> None:
    assert f"default: {IMAGES}" in run_python("-m", "tools.draw_shapes", "--help")


def test_the_command_gives_the_same_files_again(drawn: list[Path], tmp_path: Path) -> None:
    again = draw_sample(tmp_path)
    assert [path.name for path in again] == [path.name for path in drawn]
    assert len(again) == len(CLASSES) * len(SAMPLE)
    for first, second in zip(drawn, again, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_the_images_are_those_that_the_command_draws(drawn: list[Path]) -> None:
    for path in drawn:
        kept_path = IMAGES / path.name.partition("_")[0] / path.name
        # Encoders differ between versions of Pillow by a little; what is drawn does not.
        with Image.open(kept_path) as kept, Image.open(path) as fresh:
            assert kept.size == fresh.size
            first, second = (each.convert("RGBA").resize((16, 16)) for each in (kept, fresh))
        difference = numpy.asarray(first).astype(int) - numpy.asarray(second)
        assert abs(difference).max() <= 12, path.name


def test_the_number_of_an_image_says_how_it_is_drawn_in_every_class() -> None:
    """Nothing but the shape may tell the classes apart."""
    suffixes = {
        label: [path.suffix for path in sorted((IMAGES / label).iterdir())] for label in CLASSES
    }
    assert len({tuple(each) for each in suffixes.values()}) == 1
