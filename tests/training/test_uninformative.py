"""Nothing empty is silent: images of one plain colour, and different files with the same row."""

import dataclasses
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.fakes import FakeEngine
from tests.training.runs import TrainCommand
from torch_inception.features.cached_pass import PassResult, run_pass
from torch_inception.features.row_selection import SLICE, RowSelection
from torch_inception.images.preprocess import Preprocessing
from torch_inception.training.uninformative import same_rows, warn_of_uninformative

PLAIN = "WARNING: the network sees one plain colour in "
SAME = "WARNING: the network sees no difference between "

Warnings = Callable[[], list[str]]


def save_anew(path: Path, *, words: str) -> None:
    """Save the same pixels as another file beside it."""
    text = PngInfo()
    text.add_text("Comment", words)
    Image.open(path).save(path.with_name(f"{path.stem} {words}.png"), pnginfo=text)


def passed(folder: Path, cache: Path) -> PassResult:
    return run_pass(FakeEngine(), Preprocessing(), sorted(folder.rglob("*.png")), cache=cache)


@pytest.fixture
def warnings(colours: Path, own_cache: Path, caplog: pytest.LogCaptureFixture) -> Warnings:
    """Give a function that returns what is warned of in `colours`."""

    def call() -> list[str]:
        with caplog.at_level(logging.WARNING):
            warn_of_uninformative(passed(colours, own_cache), colours)
        return caplog.messages

    return call


def test_images_of_one_plain_colour_are_counted_and_named(
    warnings: Warnings, colours: Path
) -> None:
    for number in range(7):
        Image.new("RGB", (9 + number, 9), (50, 60, 70 + number)).save(
            colours / "red" / f"plain {number}.png"
        )
    named = ", ".join(f"red/plain {number}.png" for number in range(5))
    [message] = warnings()
    assert message.startswith(f"{PLAIN}7 images, which teaches nothing: {named} and 2 more. ")


def test_a_plain_image_whose_size_is_all_that_differs_is_told_once(
    warnings: Warnings, colours: Path
) -> None:
    Image.new("L", (9, 9), 255).save(colours / "red" / "blank.png")
    Image.new("L", (8, 9), 255).save(colours / "blue" / "blank.png")
    [message] = warnings()
    named = "blue/blank.png, red/blank.png"
    assert message.startswith(f"{PLAIN}2 images, which teaches nothing: {named}. ")


def test_different_files_with_the_same_row_are_counted_and_named(
    warnings: Warnings, colours: Path
) -> None:
    for words in "abcdef":
        save_anew(colours / "red" / "red_03.png", words=words)
    save_anew(colours / "green" / "green_04.png", words="a")
    # An exact copy is no different file.
    shutil.copy(colours / "blue" / "blue_05.png", colours / "blue" / "copy.png")
    few = "green/green_04 a.png = green/green_04.png"
    many = "red/red_03 a.png = red/red_03 b.png = red/red_03 c.png = red/red_03 d.png"
    many += " = red/red_03 e.png and 2 more"
    [message] = warnings()
    assert message.startswith(f"{SAME}9 different files: {few}; {many}. ")


@pytest.fixture
def pass_result(colours: Path, own_cache: Path) -> PassResult:
    """Give the rows of 90 images and of a copy of one of them that was saved anew."""
    save_anew(colours / "red" / "red_03.png", words="anew")
    return passed(colours, own_cache)


def with_rows(pass_result: PassResult, rows: RowSelection) -> PassResult:
    """Give a result of as many different files as there are rows."""
    digests = [number.to_bytes(32, "big") for number in range(len(rows))]
    return dataclasses.replace(pass_result, digests=digests, rows=rows)


def test_rows_are_compared_over_any_number_of_slices(pass_result: PassResult) -> None:
    rows = torch.arange(2.0 * SLICE + 3)[:, None].repeat(1, 4)
    rows[2 * SLICE] = rows[7]
    found = same_rows(
        with_rows(pass_result, RowSelection.of(rows)), numpy.zeros(len(rows), numpy.bool_)
    )
    assert found == [[7, 2 * SLICE]]


def test_rows_of_which_each_has_twice_a_number_elsewhere_are_different(
    pass_result: PassResult,
) -> None:
    rows = torch.ones(64, 4096, dtype=torch.float16)
    rows[torch.arange(64), 4 * torch.arange(64) + 3] = 2
    assert (
        same_rows(with_rows(pass_result, RowSelection.of(rows)), numpy.zeros(64, numpy.bool_)) == []
    )


def test_images_that_are_left_out_are_not_compared(pass_result: PassResult) -> None:
    nothing = numpy.zeros(91, numpy.bool_)
    [[one, other]] = same_rows(pass_result, nothing)
    names = [pass_result.paths[row].name for row in (one, other)]
    assert names == ["red_03 anew.png", "red_03.png"]
    left_out = numpy.array([path.name == "red_03.png" for path in pass_result.paths])
    assert same_rows(pass_result, left_out) == []
    assert same_rows(pass_result, ~nothing) == []


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
    assert "blue/blue_04.png and 86 more. " in message


def test_line_breaks_in_names_are_escaped(train: TrainCommand, colours: Path) -> None:
    Image.new("L", (9, 9)).save(colours / "red" / "two\nlines.png")
    assert "red/two\\nlines.png" in train()[2]
