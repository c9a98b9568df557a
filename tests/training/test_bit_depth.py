"""Images of 8 bits beside deeper ones: told, and warned of where classes go with the depth."""

import logging
from pathlib import Path

import numpy
import pytest
from PIL import Image

from tests.fakes import FakeEngine
from torch_inception import train_classifier
from torch_inception.training.bit_depth import share_explained


def save(path: Path, number: int, *, is_deep: bool) -> None:
    values = numpy.arange(100, dtype="u2").reshape(10, 10) * (40 if is_deep else 2)
    values[0, 0] += number
    values[0, 1] += len(path.parent.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values if is_deep else values.astype("u1")).save(f"{path}.png")


def told(folder: Path, run: Path, caplog: pytest.LogCaptureFixture, **settings: str) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.INFO):
        train_classifier(folder, output=run, engine=FakeEngine(), **settings)  # type: ignore[arg-type]
    messages = [record.getMessage() for record in caplog.records]
    return [each for each in messages if "8 bits" in each and not each.startswith("skipped")]


def test_depth_that_goes_with_the_class_is_warned_of(
    tmp_path: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "cells"
    for number in range(12):
        save(folder / "ill" / str(number), number, is_deep=True)
        save(folder / "well" / str(number), number, is_deep=number == 0)
    scaled = (
        "intensity: 13 images of more than 8 bits, each scaled by its own 0.1 and 99.9 percentiles "
        "(--intensity)"
    )
    warning = (
        "WARNING: of the images, 11 have 8 bits and 13 more, and that goes with the class: 12 of "
        "12 of ill have more, and 1 of 12 of well. The classifier may learn the bit depth in place "
        "of what the images show. Save all images with the same bit depth."
    )
    assert told(folder, run, caplog) == [scaled, warning]
    assert told(folder, run, caplog, intensity="0,4000") == [warning]


def test_depth_that_has_nothing_to_do_with_the_class_is_told(
    tmp_path: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "cells"
    for label in ("ill", "well"):
        for number in range(12):
            save(folder / label / str(number), number, is_deep=number % 2 == 0)
    assert told(folder, run, caplog)[1:] == [
        "intensity: of the images, 12 have 8 bits and 12 more; only the latter are scaled"
    ]


def test_images_of_8_bits_alone_are_not_spoken_of(
    colours: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert told(colours, run, caplog) == []


def test_the_share_that_classes_explain() -> None:
    targets = numpy.array([0] * 4 + [2] * 4)
    assert share_explained(targets == 2, targets) == 1
    # Means 1/4 and 3/4: within, 8 * 3/16 with 6 degrees of freedom; in all, 8 / 4 with 7.
    is_such = numpy.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    assert share_explained(is_such, targets) == pytest.approx(1 - (1.5 / 6) / (2 / 7))
    assert share_explained(is_such, numpy.arange(8)) == 0
    # A class of one or two is no evidence.
    dice = numpy.random.default_rng(0)
    many = numpy.repeat(numpy.arange(100), 2)
    assert share_explained(dice.random(200) < 0.5, many) < 0.2
