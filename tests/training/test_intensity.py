"""`--intensity`, `--page` and `--channels`: from the flags to the model and to its answers."""

import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from tests.fakes import CountingEngine, FakeEngine
from torch_inception import Classifier, FeatureExtractor, train_classifier
from torch_inception.classifier.model_file import load_model
from torch_inception.errors import ConfigError
from torch_inception.images.deep import DeepSettings
from torch_inception.images.preprocess import Preprocessing
from torch_inception.training.earlier_split import EarlierParts
from torch_inception.training.grouping import LabelledImage, groups_of
from torch_inception.training.intensity import _examined
from torch_inception.training.split import split

Train = Callable[..., tuple[int, str, str]]


def values(label: str, number: int) -> Any:  # noqa: ANN401
    """Return (20, 20) counts: dark in one class and bright in the other, all from 100 to 1000."""
    grey = numpy.full((20, 20), 1000 if label == "bright" else 300, "u2")
    grey[:2] = 100
    grey[-1] = 1000
    grey[5, number % 20] += number
    return grey


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    """Make a data set of two classes of 16-bit images, 20 each."""
    folder = tmp_path / "counts"
    for label in ("bright", "dark"):
        (folder / label).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(values(label, number)).save(folder / label / f"{number}.tif")
    return folder


def saved(run: Path) -> Preprocessing:
    return load_model(run).preprocessing


def test_the_range_of_the_training_images_is_saved_and_kept_by_reruns(
    counts: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        train_classifier(counts, output=run, engine=FakeEngine(), intensity="dataset")
    low, high = saved(run).dataset_range or (0, 0)
    assert low == 100
    assert 1000 <= high <= 1019
    assert "of 3" in caplog.text and "training images" in caplog.text
    Image.fromarray(values("dark", 7) * 60).save(counts / "dark" / "new.tif")
    caplog.clear()
    with caplog.at_level(logging.INFO):
        train_classifier(counts, output=run, engine=FakeEngine(), intensity="dataset")
    assert saved(run).dataset_range == (low, high)
    assert "1 computed, 40 reused" in caplog.text
    train_classifier(counts, output=run.parent / "anew", engine=FakeEngine(), intensity="dataset")
    assert (saved(run.parent / "anew").dataset_range or (0, 0))[1] > high


def drawn_for_test(counts: Path) -> str:
    """Add an image that is for the test, many times as bright as the others; return its name."""
    paths = sorted(counts.rglob("*.tif"))
    others = [
        LabelledImage(path.name, path.parent.name, sha256(path.read_bytes()).digest())
        for path in paths
    ]
    new = counts / "dark" / "new.tif"
    for number in range(1000):
        Image.fromarray(values("dark", number) + 50_000).save(new)
        image = LabelledImage(new.name, "dark", sha256(new.read_bytes()).digest())
        images = [*others, image]
        parts = split(EarlierParts(images, groups_of(images)), holdout=0.1, with_validation=False)
        if parts[-1] == "test":
            return "dark/new.tif,dark,test"
    raise AssertionError


def test_test_images_have_no_say_in_the_range(counts: Path, run: Path) -> None:
    name = drawn_for_test(counts)
    train_classifier(counts, output=run, engine=FakeEngine(), intensity="dataset")
    assert name in (run / "splits.csv").read_text()
    low, high = saved(run).dataset_range or (0, 0)
    assert low == 100
    assert high < 2000


def test_with_test_images_elsewhere_all_others_have_a_say(
    counts: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = counts.parent / "other"
    for label in ("bright", "dark"):
        (other / label).mkdir(parents=True)
        Image.fromarray(values(label, 9) * 60).save(other / label / "1.tif")
    with caplog.at_level(logging.INFO):
        train_classifier(
            counts, test_data=other, output=run, engine=FakeEngine(), intensity="dataset"
        )
    assert "of 40 training images" in caplog.text


def test_a_model_scales_new_images_as_it_was_trained(counts: Path, run: Path) -> None:
    for intensity in ("image", "dataset", "0,1000"):
        train_classifier(counts, output=run, engine=FakeEngine(), intensity=intensity)
        loaded = Classifier.load(run, engine=FakeEngine())
        assert loaded.model.preprocessing == saved(run)
        for label in ("bright", "dark"):
            path = counts / label / "3.tif"
            image = Image.open(path)
            answers = loaded.predict([path, path.read_bytes(), image])
            assert [answer[0].label for answer in answers] == [label] * 3
            # Its row was rounded in the cache, and only there.
            assert answers[0] == answers[1] == answers[2]
    # One image of the whole range, which alone would be neither.
    half = Image.fromarray(numpy.full((20, 20), 1000, "u2"))
    assert loaded.predict(half)[0].label == "bright"


def test_each_choice_has_rows_of_its_own(counts: Path, run: Path) -> None:
    engine = CountingEngine()
    for intensity, computed in (("image", 40), ("0,1000", 40), ("0,1000.0", 0), ("image", 0)):
        before = engine.images
        train_classifier(counts, output=run, engine=engine, intensity=intensity)
        assert engine.images - before == computed


def test_a_data_set_of_8_bits_has_no_range(
    colours: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        train_classifier(colours, output=run, engine=FakeEngine(), intensity="dataset")
    assert saved(run).dataset_range is None
    assert "no training image has more than 8 bits" in caplog.text


def test_deep_images_that_are_added_give_a_range(
    colours: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train_classifier(colours, output=run, engine=FakeEngine(), intensity="dataset")
    for number in range(16):
        Image.fromarray(values("dark", number)).save(colours / "red" / f"deep{number}.tif")
    caplog.clear()
    with caplog.at_level(logging.INFO):
        train_classifier(colours, output=run, engine=FakeEngine(), intensity="dataset")
    assert "no training image has more than 8 bits" not in caplog.text
    low, high = saved(run).dataset_range or (0, 0)
    assert low == 100
    assert 1000 <= high <= 1019


def test_test_images_of_a_named_group_have_no_say_in_the_range(tmp_path: Path, run: Path) -> None:
    folder = tmp_path / "patients"
    for label in ("bright", "dark"):
        (folder / label).mkdir(parents=True)
        for number in range(40):
            name = f"patient{number // 4}_{number}.tif"
            Image.fromarray(values(label, number)).save(folder / label / name)
    settings: dict[str, Any] = {
        "group": "(patient[0-9]+)_", "near_duplicates": "ignore", "intensity": "dataset",
        "holdout": 0.3,
    }  # fmt: skip
    train_classifier(folder, output=run, engine=FakeEngine(), **settings)
    rows = (run / "splits.csv").read_text().splitlines()
    tested = [row.split(",")[0] for row in rows if row.endswith(",test") or ",test," in row]
    assert tested
    for name in tested:
        path = folder / name
        number = int(path.stem.rpartition("_")[2])
        Image.fromarray(values(path.parent.name, number) + 50_000).save(path)
    train_classifier(folder, output=run.parent / "anew", engine=FakeEngine(), **settings)
    low, high = saved(run.parent / "anew").dataset_range or (0, 0)
    assert low == 100
    assert high < 2000


def test_an_image_gives_as_many_values_however_many_channels_it_has(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    path = tmp_path / "three.tif"
    three = numpy.arange(3 * 20 * 20, dtype="u2").reshape(3, 20, 20)
    tifffile.imwrite(path, three, photometric="minisblack")
    found = _examined(path, DeepSettings(channels=(1, 2, 3)), most=30)
    assert found is not None
    assert found.values is not None
    assert 15 <= found.values.size <= 30
    assert found.values.min() < 400 < 800 <= found.values.max()


def test_files_of_several_pages_are_counted_also_from_the_cache(
    colours: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pages = [Image.new("RGB", (9, 9), (200, number, 0)) for number in range(3)]
    for name in ("a.tif", "b.tif"):
        pages[0].save(colours / "red" / name, save_all=True, append_images=pages[1:])
        pages.append(pages[0])
    pages[0].save(colours / "red" / "c.gif", save_all=True, append_images=pages[1:])
    for _ in range(2):
        caplog.clear()
        train_classifier(colours, output=run, engine=FakeEngine())
        assert (
            f"2 files, the first of them {colours / 'red' / 'a.tif'} (3 pages), have" in caplog.text
        )
    pytest.importorskip("imagecodecs")
    caplog.clear()
    train_classifier(colours, output=run, engine=FakeEngine(), page="2")
    assert "several" not in caplog.text


def test_channels_and_values_that_are_not_finite_are_counted(
    colours: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    five = numpy.arange(6 * 7 * 5, dtype="u2").reshape(6, 7, 5)
    tifffile.imwrite(
        colours / "red" / "five.tif", five, photometric="minisblack", planarconfig="contig"
    )
    floats = numpy.arange(42, dtype="f4").reshape(6, 7)
    floats[0, 0] = numpy.nan
    Image.fromarray(floats).save(colours / "red" / "nan.tif")
    train_classifier(colours, output=run, engine=FakeEngine())
    assert "five.tif (5 channels), has several channels, and only the first is" in caplog.text
    assert "nan.tif, has values that are not finite" in caplog.text
    caplog.clear()
    train_classifier(colours, output=run, engine=FakeEngine(), channels="1,2,3")
    assert "several" not in caplog.text
    # What a file does not have cannot be chosen.
    result = train_classifier(colours, output=run, engine=FakeEngine(), channels="4")
    assert {skip.path.name: skip.reason for skip in result.skipped} == {
        "nan.tif": "channel 4 is asked for, and the file has 1"
    }


def test_a_command_trains_on_the_brightest_of_a_stack(
    tmp_path: Path, train: Train, run: Path
) -> None:
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    folder = tmp_path / "stacks"
    for label in ("bright", "dark"):
        (folder / label).mkdir(parents=True)
        for number in range(6):
            planes = numpy.stack([values("dark", 2 * number), values(label, 2 * number + 1)])
            tifffile.imwrite(folder / label / f"{number}.tif", planes, imagej=True)
    flags = ["--data", str(folder), "--page", "max", "--intensity", "0,1000"]
    status, out, err = train(*flags)
    assert status == 0, err
    assert "12 computed" in out
    assert (saved(run).page, saved(run).intensity) == ("max", "0,1000")
    answers = Classifier.load(run, engine=FakeEngine()).predict(
        [folder / "bright" / "0.tif", folder / "dark" / "0.tif"]
    )
    assert [answer[0].label for answer in answers] == ["bright", "dark"]


def test_the_extractor_takes_them_too(counts: Path) -> None:
    path = counts / "dark" / "3.tif"
    rows = [
        FeatureExtractor(engine=FakeEngine(), intensity=intensity)([path])[0, 0]
        for intensity in ("image", "0,65535")
    ]
    assert rows[0] > 0.2 > 0.01 > rows[1]
    with pytest.raises(ConfigError, match="'dataset' is for training"):
        FeatureExtractor(engine=FakeEngine(), intensity="dataset")
