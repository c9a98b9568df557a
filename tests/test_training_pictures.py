"""The pictures that come with the project are there, and its script draws them."""

import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from torch_inception.dataset import read_dataset
from torch_inception.images import decode

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "training_dataset"
CLASSES = ["circle", "plus", "square", "triangle"]


def content_hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in read_dataset(folder).paths
    }


def test_every_class_has_enough_pictures_of_every_format_and_all_are_small() -> None:
    dataset = read_dataset(PICTURES)
    assert dataset.labels == CLASSES
    assert min(dataset.counts().values()) >= 60
    assert sum(path.stat().st_size for path in dataset.paths) < 6_000_000
    for number in range(len(CLASSES)):
        own = [p for p, t in zip(dataset.paths, dataset.targets, strict=True) if t == number]
        formats = Counter(path.suffix for path in own)
        assert set(formats) == {".jpg", ".png", ".webp", ".gif", ".bmp"}
        assert min(formats.values()) >= 5


def test_every_picture_decodes_and_none_is_twice_there() -> None:
    paths = read_dataset(PICTURES).paths
    sizes = [decode(path.read_bytes()).size for path in paths]
    assert min(min(size) for size in sizes) >= 32
    assert len(set(content_hashes(PICTURES).values())) == len(paths)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Run the script twice."""
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    script = str(PICTURES / "make.py")
    running = [
        subprocess.Popen([sys.executable, script, "--output", str(folder)]) for folder in folders
    ]
    assert [process.wait() for process in running] == [0, 0]
    return folders


def test_the_script_gives_the_same_files_again(drawn: list[Path]) -> None:
    assert content_hashes(drawn[0]) == content_hashes(drawn[1])


def test_the_pictures_are_those_that_the_script_draws(drawn: list[Path]) -> None:
    paths = [path.relative_to(PICTURES) for path in read_dataset(PICTURES).paths]
    assert [path.relative_to(drawn[0]) for path in read_dataset(drawn[0]).paths] == paths
    for path in paths:
        # Encoders differ between versions of Pillow by a little; what is drawn does not.
        with Image.open(PICTURES / path) as kept, Image.open(drawn[0] / path) as fresh:
            assert kept.size == fresh.size
            small = [each.convert("RGBA").resize((16, 16)).tobytes() for each in (kept, fresh)]
        assert max(abs(a - b) for a, b in zip(*small, strict=True)) <= 8, path
