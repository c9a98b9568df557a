"""What `predict` says of images of which it uses only a part: once for each kind, on stderr."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.fakes import FakeEngine
from torch_inception import Classifier, train_classifier
from torch_inception.commands.predict import main

Predict = Callable[..., tuple[str, list[str]]]


def counts(number: int = 0) -> NDArray[numpy.uint16]:
    """Return (12, 12) values from 0 to 1430 + number."""
    values = numpy.arange(144, dtype="u2").reshape(12, 12) * 10
    values[-1, -1] += number
    return values


def stack(path: Path, *planes: NDArray[Any]) -> Path:
    images = [Image.fromarray(plane) for plane in planes]
    images[0].save(path, save_all=True, append_images=images[1:])
    return path


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Make a data set of two classes of 12 images of 16 bits each."""
    folder = tmp_path / "cells"
    for label in ("down", "up"):
        (folder / label).mkdir(parents=True)
        for number in range(12):
            values = counts(number) if label == "down" else counts(number)[::-1]
            Image.fromarray(numpy.ascontiguousarray(values)).save(folder / label / f"{number}.tif")
    return folder


@pytest.fixture
def predict(run: Path, capsys: pytest.CaptureFixture[str]) -> Predict:
    """Give a function that names images with the model in `run`; it returns (out, warnings)."""

    def call(*arguments: object) -> tuple[str, list[str]]:
        capsys.readouterr()
        main([*map(str, arguments), "--model", str(run)], engine=FakeEngine())
        out, err = capsys.readouterr()
        return out, [line for line in err.splitlines() if line.startswith("WARNING: ")]

    return call


def test_pages_that_are_not_chosen_are_told_once_also_from_the_cache(
    cells: Path, run: Path, predict: Predict
) -> None:
    for number in range(3):
        stack(cells / "up" / f"film{number}.tif", counts(7 + number), counts(1), counts(2))
    train_classifier(cells, output=run, engine=FakeEngine())
    first = cells / "up" / "film0.tif"
    expected = [
        f"WARNING: 3 files, the first of them {first} (3 pages), have several pages, and only the "
        "first is used. Choose in training, with --page or --channels."
    ]
    # Unchanged files are named from the cache; copies are read, and not decoded; the others are.
    assert predict(cells / "up", "--quiet")[1] == expected
    copies = cells.parent / "copies"
    copies.mkdir()
    for path in (cells / "up").glob("film*"):
        (copies / path.name).write_bytes(path.read_bytes())
    assert predict(copies)[1] == [expected[0].replace(str(cells / "up"), str(copies))]
    new = stack(cells.parent / "new.tif", counts(50), counts(51))
    out, warnings = predict(new, "--format", "json")
    assert json.loads(out)["error"] is None
    assert warnings == [
        f"WARNING: 1 file, {new} (2 pages), has several pages, and only the first is used. Choose "
        "in training, with --page or --channels."
    ]


def test_what_is_plain_not_finite_or_outside_the_range_is_told(
    cells: Path, run: Path, predict: Predict
) -> None:
    train_classifier(cells, output=run, engine=FakeEngine(), intensity="dataset")
    model = Classifier.load(run, engine=FakeEngine()).model
    low, high = model.preprocessing.dataset_range or (0, 0)
    folder = cells.parent / "new"
    folder.mkdir()
    bright, nan = folder / "bright.tif", folder / "nan.tif"
    Image.fromarray(counts() + 20_000).save(bright)
    floats = counts().astype("f4")
    floats[3, 3] = numpy.nan
    Image.fromarray(floats).save(nan)
    Image.fromarray(counts(5)).save(folder / "sound.tif")
    white = folder / "white.png"
    Image.new("RGB", (9, 9), "white").save(white)
    out, warnings = predict(folder, "--format", "csv", "--top", 1)
    assert len(out.splitlines()) == 5
    assert warnings == [
        f"WARNING: 1 file, {nan}, has values that are not finite (NaN or infinite). NaN is shown "
        "as black, infinity as white, and neither counts for the range.",
        f"WARNING: in 1 file, {bright}, more than 5% of the values are outside the range {low:g} "
        f"to {high:g} that images are scaled by, and become black or white. It was measured on "
        "training images; a run into another --output measures it anew.",
        f"WARNING: the network sees one plain colour in 2 files, the first of them {bright}; what "
        "they are named means nothing.",
    ]
    assert predict(folder / "sound.tif")[1] == []


def test_python_is_told_too(cells: Path, run: Path, caplog: pytest.LogCaptureFixture) -> None:
    train_classifier(cells, output=run, engine=FakeEngine(), intensity="0,1000")
    classifier = Classifier.load(run, engine=FakeEngine())
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        classifier.predict([Image.fromarray(counts()), cells / "up" / "1.tif"])
    assert [record.getMessage() for record in caplog.records] == [
        "WARNING: in 2 files, the first of them image 0, more than 5% of the values are outside "
        "the range 0 to 1000 that images are scaled by, and become black or white. Choose another "
        "in training, with --intensity."
    ]


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("page", "max", "is called channels, and --page takes it for pages. If it is channels, "),
        ("channels", "2", "is called slices or moments, and --channels takes it for channels. "),
    ],
)  # fmt: skip
def test_an_axis_that_is_not_taken_for_what_it_is_called(
    cells: Path, run: Path, caplog: pytest.LogCaptureFixture, setting: str, value: str, told: str
) -> None:
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    axes = "CYX" if setting == "page" else "ZYX"
    for path in cells.rglob("*.tif"):
        planes = numpy.stack([counts(), numpy.asarray(Image.open(path))])
        tifffile.imwrite(path, planes, imagej=True, metadata={"axes": axes})

    settings: dict[str, Any] = {setting: value}

    def levels() -> set[str]:
        caplog.clear()
        with caplog.at_level(logging.INFO):
            train_classifier(cells, output=run, engine=FakeEngine(), **settings)
        return {each.levelname for each in caplog.records if told in each.getMessage()}

    assert levels() == {"INFO"}
    four = numpy.stack([counts(1), counts(2), counts(3), counts(4)]).reshape(2, 2, 12, 12)
    tifffile.imwrite(cells / "up" / "both.tif", four, imagej=True, metadata={"axes": "ZCYX"})
    assert levels() == {"WARNING"}
    assert "both.tif (2 pages x 2 channels), has several" in caplog.text


def test_with_both_settings_an_axis_is_what_it_is_called(
    cells: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    for number, path in enumerate(cells.rglob("*.tif")):
        planes = numpy.stack([numpy.asarray(Image.open(path)), counts(7)])
        axes = "CYX" if number % 2 else "ZYX"
        tifffile.imwrite(path, planes, imagej=True, metadata={"axes": axes})
    with caplog.at_level(logging.INFO):
        result = train_classifier(cells, output=run, engine=FakeEngine(), page="max", channels="1")
    assert not result.skipped
    assert "the only axis" not in caplog.text


@pytest.mark.parametrize("layout", ["imagej", "ome", "shaped"])
def test_pages_and_channels_are_told_apart(
    cells: Path, run: Path, predict: Predict, layout: str
) -> None:
    tifffile = pytest.importorskip("tifffile")
    train_classifier(cells, output=run, engine=FakeEngine())
    planes = numpy.stack([counts(number) for number in range(10)]).reshape(5, 2, 12, 12)
    options: dict[str, Any] = {} if layout == "shaped" else {layout: True}
    new = cells.parent / "new.tif"
    tifffile.imwrite(new, planes, metadata={"axes": "ZCYX"}, photometric="minisblack", **options)
    assert predict(new)[1] == [
        f"WARNING: 1 file, {new} (5 pages x 2 channels), has several pages or channels, and only "
        "the first is used. Choose in training, with --page or --channels."
    ]
