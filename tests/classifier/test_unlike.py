"""What a classifier says of images that are unlike the training images, and which are nearest."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from tests.fakes import FakeEngine
from torch_inception.answers.prediction import Distance
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import load_model, save_model
from torch_inception.errors import ConfigError, ModelError
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.training import neighbours as module
from torch_inception.training.pipeline import TrainingResult
from torch_inception.training.train_classifier import train_classifier

COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty images per class, each of a colour close to its own."""
    folder = tmp_path_factory.mktemp("near")
    generator = numpy.random.default_rng(0)
    for label, colour in COLOURS.items():
        (folder / label).mkdir()
        for number in range(30):
            shade = numpy.clip(colour + generator.normal(0, 12, 3), 0, 255).astype(numpy.uint8)
            Image.new("RGB", (8, 8), tuple(shade.tolist())).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    place = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(place / "cache"))
        return train_classifier(
            folder, output=place / "run", engine=FakeEngine(), near_duplicates="ignore", holdout=0.2
        )


def plain(*colour: int) -> Image.Image:
    return Image.new("RGB", (20, 10), colour)


def test_a_strange_colour_is_unlike_the_training_images(trained: TrainingResult) -> None:
    loaded = Classifier.load(trained.output, engine=FakeEngine())
    for classifier in (trained.classifier, loaded):
        known, stranger = (
            classifier.distance(plain(195, 33, 28)),
            classifier.distance(plain(0, 0, 0)),
        )
        assert isinstance(known, Distance)
        assert known.known
        assert known.threshold is not None
        assert known.distance <= known.threshold
        assert not stranger.known
        assert stranger.distance > known.threshold
        assert stranger.threshold == known.threshold


def test_a_larger_share_of_false_rejections_is_a_lower_threshold(trained: TrainingResult) -> None:
    image = plain(150, 60, 60)
    thresholds = [
        trained.classifier.distance(image, false_rejection=share).threshold
        for share in (0.5, 0.2, 0.05)
    ]
    assert thresholds == sorted(t for t in thresholds if t is not None)
    # Of 67 training images one in a thousand cannot be told.
    assert trained.classifier.distance(image, false_rejection=0.001)[::2] == (None, None)


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_a_share_that_is_none_is_refused(trained: TrainingResult, share: float) -> None:
    with pytest.raises(ConfigError, match="above 0 and below 1"):
        trained.classifier.distance(plain(0, 0, 0), false_rejection=share)


def test_the_run_says_how_many_test_images_are_unlike_the_training_images(
    trained: TrainingResult,
) -> None:
    said = trained.metrics["unlike"]
    classifier = trained.classifier
    assert said["threshold"] == classifier.distance(plain(0, 0, 0)).threshold
    lines = (trained.output / "scores.csv").read_text().splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    tested = [float(row["distance"]) for row in rows if row["split"] == "test"]
    assert said["n"] == len(tested) == 23
    assert said["test"] == sum(distance > said["threshold"] for distance in tested)
    lefts = [float(row["distance"]) for row in rows if row["split"] == "train"]
    # The threshold is the ceil(68 * 0.95) = 65th smallest of 67.
    assert sorted(lefts)[64] == pytest.approx(said["threshold"], rel=1e-5)


def test_neighbours_are_the_training_images_of_the_nearest_colours(
    trained: TrainingResult, folder: Path
) -> None:
    classifier = Classifier.load(trained.output, engine=FakeEngine())
    paths = [
        line.split(",")[:3] for line in (trained.output / "splits.csv").read_text().splitlines()
    ]
    path, label, _ = next(row for row in paths if row[2] == "train")
    first, *others = classifier.neighbours(folder / path, 5)
    assert (first.path, first.label) == (path, label)
    assert first.similarity == pytest.approx(1, abs=1e-3)
    assert len(others) == 4
    assert {each.label for each in others} == {label}
    similarities = [first.similarity, *(each.similarity for each in others)]
    assert similarities == sorted(similarities, reverse=True)
    assert len(classifier.neighbours(plain(1, 2, 3), 10_000)) == 67


def test_none_or_fewer_neighbours_are_refused(trained: TrainingResult) -> None:
    for k in (0, "x", None, 2.5):
        with pytest.raises(ConfigError, match=rf"k = {k!r} must be a whole number from 1"):
            trained.classifier.neighbours(plain(0, 0, 0), k)  # type: ignore[arg-type]


def test_of_very_many_training_images_a_sample_is_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_IMAGES", 20)
    result = train_classifier(folder, output=tmp_path / "run", engine=FakeEngine())
    kept = result.classifier.training_images
    assert 20 <= len(kept.paths) < 40
    assert len(kept.paths) == len(kept.labels) == len(kept.directions)


def without_file(run: Path) -> None:
    (run / "neighbours.pt").unlink()


def cut(run: Path) -> None:
    file = run / "neighbours.pt"
    file.write_bytes(file.read_bytes()[:-100])


def of_another_model(run: Path) -> None:
    content = torch.load(run / "neighbours.pt", weights_only=True)
    torch.save(content | {"space": "0" * 64}, run / "neighbours.pt")


def with_odd_names(run: Path) -> None:
    content = torch.load(run / "neighbours.pt", weights_only=True)
    torch.save(content | {"paths": [1] * len(content["paths"])}, run / "neighbours.pt")


def with_fewer_coordinates(run: Path) -> None:
    content = torch.load(run / "neighbours.pt", weights_only=True)
    directions = content["directions"][:, :1].clone()
    torch.save(content | {"directions": directions}, run / "neighbours.pt")


def of_another_format(run: Path) -> None:
    torch.save([1], run / "neighbours.pt")


def of_many_formats(run: Path) -> None:
    torch.save({"format": torch.ones(2)}, run / "neighbours.pt")


@pytest.mark.parametrize(
    "damage",
    [
        *(without_file, cut, of_another_model, with_odd_names, with_fewer_coordinates),
        *(of_another_format, of_many_formats),
    ],
)
def test_a_file_of_neighbours_that_does_not_fit_is_told(
    trained: TrainingResult, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained.output, run)
    damage(run)
    classifier = Classifier.load(run, engine=FakeEngine())
    assert classifier.distance(plain(200, 30, 30)).known
    with pytest.raises(ModelError, match=r"neighbours\.pt.*Train again"):
        classifier.neighbours(plain(200, 30, 30))


def test_a_model_that_another_program_trained_says_that_it_cannot_tell(
    trained: TrainingResult, tmp_path: Path
) -> None:
    model = dataclasses.replace(load_model(trained.output), space=None)
    save_model(model, tmp_path / "model.pt")
    classifier = Classifier.load(tmp_path, engine=FakeEngine())
    for ask in (classifier.distance, classifier.neighbours):
        with pytest.raises(ModelError, match="not trained by torch-inception"):
            ask(plain(0, 0, 0))
