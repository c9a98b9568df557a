"""Which differences between an exported file and its classifier are refused."""

from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
from PIL import Image

from tests.fakes import FakeEngine
from torch_inception.classifier.classifier import Classifier
from torch_inception.config import ExportPrecision
from torch_inception.export.check import Comparison, compare
from torch_inception.export.run_images import RunImage, RunImages
from torch_inception.exported.session import graph_input
from torch_inception.images.deep import ValueRange, to_bytes
from torch_inception.images.preprocess import Preprocessing
from torch_inception.training.train_classifier import train_classifier


@pytest.mark.parametrize(
    ("precision", "comparison", "told"),
    [
        ("fp32", Comparison(200, 1e-4, 0.01, 3), ""),
        ("fp32", Comparison(200, 1.1e-4, 1.1e-4, 0), "from equal pixels, 0.0001 is the limit"),
        ("fp32", Comparison(200, 0.0, 0.011, 0), "train with --exact-decode"),
        ("fp16", Comparison(200, 0.02, 0.02, 3), ""),
        ("fp16", Comparison(200, 0.021, 0.021, 0), "from equal pixels, 0.02 is the limit"),
        ("fp16", Comparison(200, 0.0, 0.021, 0), "end to end, 0.02 is the limit"),
        ("int8", Comparison(200, 0.9, 0.9, 2), ""),
        (
            "int8",
            Comparison(200, 0.1, 0.1, 3),
            "best class changed in over 1% of the images, the limit for int8",
        ),
        ("fp32", Comparison(1, numpy.inf, numpy.inf, 0), "from equal pixels"),
    ],
)
def test_limits(precision: ExportPrecision, comparison: Comparison, told: str) -> None:
    complaint = comparison.complaint(precision)
    assert told in complaint
    assert bool(told) == bool(complaint)


@pytest.fixture
def classifier(colours: Path, run: Path, engine: FakeEngine) -> Classifier:
    return train_classifier(colours, output=run, engine=engine).classifier


def images(folder: Path) -> Iterator[RunImage]:
    """Yield an image of one colour, and a JPEG of noise that is decoded at half its size."""
    generator = numpy.random.default_rng(0)
    Image.new("RGB", (20, 30), (240, 10, 0)).save(folder / "red.png")
    noise = 255 * generator.integers(0, 2, (1300, 1300, 3), dtype=numpy.uint8)
    noise[..., 2] = 0
    Image.fromarray(noise).save(folder / "noise.jpg")
    for name in ("red.png", "noise.jpg"):
        with Image.open(folder / name) as image:
            yield RunImage(folder / name, numpy.asarray(image))


def test_a_file_that_answers_alike_differs_by_the_decoder_alone(
    classifier: Classifier, tmp_path: Path
) -> None:
    found = compare(classifier, lambda image: classifier.predict_proba(image)[0], images(tmp_path))
    assert found is not None
    assert (found.images, found.equal_pixels, found.changed) == (2, 0.0, 0)
    assert 0 < found.end_to_end < 0.5


def test_other_answers_are_counted(classifier: Classifier, tmp_path: Path) -> None:
    found = compare(classifier, lambda _: numpy.array([1.0, 0.0, 0.0]), images(tmp_path))
    assert found is not None
    assert found.equal_pixels == pytest.approx(1, abs=0.1)
    assert found.changed >= 1  # red is not blue
    found = compare(classifier, lambda _: numpy.full(3, numpy.nan), images(tmp_path))
    assert found is not None
    assert found.equal_pixels == numpy.inf


def test_nothing_to_compare_is_nothing(classifier: Classifier) -> None:
    assert compare(classifier, lambda _: numpy.zeros(3), []) is None


def test_the_images_of_a_run_are_found_part_by_part(classifier: Classifier, run: Path) -> None:
    found = RunImages(run, classifier.model.preprocessing)
    assert found.part_to_compare() == "test"
    test, train = (list(found.of(part, most=100)) for part in ("test", "train"))
    assert len(test) + len(train) == 90
    assert not {each.path for each in test} & {each.path for each in train}
    assert len(list(found.of("train", most=3))) == 3
    for each in test:
        each.path.unlink()
    assert found.part_to_compare() == "train"
    for image in train:
        image.path.unlink()
    assert found.part_to_compare() is None


def test_deep_values_become_the_pixels_they_were_made_of() -> None:
    preprocessing = Preprocessing(intensity="30000,30100")
    pixels = numpy.arange(256, dtype=numpy.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    values = graph_input(pixels, preprocessing)
    assert values.dtype == numpy.float32
    assert numpy.array_equal(to_bytes(values, ValueRange(30000, 30100)), pixels)
    assert graph_input(pixels, Preprocessing()) is pixels
