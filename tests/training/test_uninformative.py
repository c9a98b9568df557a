"""Nothing empty is silent: images of one plain colour, and different files with the same row."""

import dataclasses
import logging
import shutil
from pathlib import Path

import numpy
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.fakes import FakeEngine
from tests.training.test_training import TrainCommand
from torch_inception.features.cached_pass import PassResult, run_pass
from torch_inception.images.preprocess import Preprocessing
from torch_inception.training.uninformative import same_rows, warn_of_uninformative

PLAIN = "WARNING: the network sees one plain colour in "
SAME = "WARNING: the network sees no difference between "


def save_anew(path: Path, *, words: str) -> None:
    """Save the same pixels as another file beside it."""
    text = PngInfo()
    text.add_text("Comment", words)
    Image.open(path).save(path.with_name(f"{path.stem} {words}.png"), pnginfo=text)


def test_images_of_one_plain_colour_are_counted_and_named(
    train: TrainCommand, colours: Path
) -> None:
    for number in range(7):
        Image.new("RGB", (9 + number, 9), (50, 60, 70 + number)).save(
            colours / "red" / f"plain {number}.png"
        )
    status, _, err = train()
    assert status == 0
    named = ", ".join(f"red/plain {number}.png" for number in range(5))
    assert f"{PLAIN}7 images, which teaches nothing: {named}, 2 more. " in err
    assert SAME not in err


def test_a_plain_image_whose_size_is_all_that_differs_is_told_once(
    train: TrainCommand, colours: Path
) -> None:
    Image.new("L", (9, 9), 255).save(colours / "red" / "blank.png")
    Image.new("L", (8, 9), 255).save(colours / "blue" / "blank.png")
    _, _, err = train()
    assert f"{PLAIN}2 images, which teaches nothing: blue/blank.png, red/blank.png. " in err
    assert SAME not in err


def test_different_files_with_the_same_row_are_counted_and_named(
    train: TrainCommand, colours: Path
) -> None:
    for words in "abcdef":
        save_anew(colours / "red" / "red_03.png", words=words)
    save_anew(colours / "green" / "green_04.png", words="a")
    # An exact copy is no different file.
    shutil.copy(colours / "blue" / "blue_05.png", colours / "blue" / "copy.png")
    _, _, err = train()
    few = "green/green_04 a.png = green/green_04.png"
    many = "red/red_03 a.png = red/red_03 b.png = red/red_03 c.png = red/red_03 d.png"
    many += " = red/red_03 e.png = 2 more"
    assert f"{SAME}9 different files: {few}; {many}. " in err
    assert PLAIN not in err
    assert "copy.png" not in err


@pytest.fixture
def pass_result(colours: Path, own_cache: Path) -> PassResult:
    """Give the rows of 90 images and of a copy of one of them that was saved anew."""
    save_anew(colours / "red" / "red_03.png", words="anew")
    paths = sorted(colours.rglob("*.png"))
    return run_pass(FakeEngine(), Preprocessing(), paths, cache=own_cache)


@pytest.mark.parametrize("portion", [1, 7, 91, 4096])
def test_rows_are_compared_over_any_number_of_portions(
    portion: int, pass_result: PassResult
) -> None:
    rows = dataclasses.replace(pass_result.rows, portion=portion)
    [[one, other]] = same_rows(
        dataclasses.replace(pass_result, rows=rows), numpy.zeros(91, numpy.bool_)
    )
    names = [pass_result.paths[row].name for row in (one, other)]
    assert names == ["red_03 anew.png", "red_03.png"]


def test_images_that_are_left_out_are_not_compared(pass_result: PassResult) -> None:
    left_out = numpy.array([path.name == "red_03.png" for path in pass_result.paths])
    assert same_rows(pass_result, left_out) == []
    assert same_rows(pass_result, numpy.ones(91, numpy.bool_)) == []


def test_whatever_makes_rows_equal_is_told(
    pass_result: PassResult, colours: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # An engine that gives one row for all.
    numbers = pass_result.rows.numbers * 0
    rows = dataclasses.replace(pass_result.rows, numbers=numbers)
    with caplog.at_level(logging.WARNING):
        warn_of_uninformative(dataclasses.replace(pass_result, rows=rows), colours)
    [message] = caplog.messages
    assert message.startswith(f"{SAME}91 different files: blue/blue_00.png = blue/blue_01.png")
    assert "blue/blue_04.png = 86 more. " in message


def test_line_breaks_in_names_are_escaped(train: TrainCommand, colours: Path) -> None:
    Image.new("L", (9, 9)).save(colours / "red" / "two\nlines.png")
    assert "red/two\\nlines.png" in train()[2]
