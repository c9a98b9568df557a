"""A split that comes with the data is obeyed, and what is wrong with it is told."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.drawings import draw_frames
from tests.fakes import FakeEngine
from tests.training.labelled_images import image, images_of
from torch_inception.config import TrainConfig
from torch_inception.datasets.dataset import Dataset, read_dataset
from torch_inception.datasets.parts import Part
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.features.cached_pass import run_pass
from torch_inception.images.preprocess import Preprocessing
from torch_inception.training.earlier_split import EarlierSplit
from torch_inception.training.examples import Examples, make_examples
from torch_inception.training.given_split import given_split
from torch_inception.training.grouping import LabelledImage, groups_of


def split_as(
    given: Sequence[Part | None], images: Sequence[LabelledImage], *, with_validation: bool = False
) -> list[Part]:
    return given_split(given, images, groups_of(images), with_validation=with_validation)


def test_given_parts_are_obeyed_and_images_without_one_are_for_training() -> None:
    images = images_of({"a": 5, "b": 5})
    given: list[Part | None] = ["test", "train", "validation", None, "train"] * 2
    three = split_as(given, images, with_validation=True)
    assert three == ["test", "train", "validation", "train", "train"] * 2


def test_validation_images_are_trained_on_by_a_solver_that_needs_none() -> None:
    images = images_of({"a": 3, "b": 3})
    given: list[Part | None] = ["test", "train", "validation"] * 2
    assert split_as(given, images) == ["test", "train", "train"] * 2


def test_validation_images_are_the_test_where_there_is_no_other() -> None:
    images = images_of({"a": 30, "b": 30})
    given: list[Part | None] = ["validation", *["train"] * 29] * 2  # type: ignore[list-item]
    assert split_as(given, images) == ["test", *["train"] * 29] * 2
    three = split_as(given, images, with_validation=True)
    assert three[0] == three[30] == "test"
    assert three.count("test") == 2
    assert {"train", "validation"} == set(three[1:30]) == set(three[31:])


def test_validation_images_that_are_chosen_keep_groups_whole() -> None:
    grouped = [
        image(f"{label}/{n}.png")._replace(group=f"{label}{n % 12}")
        for label in ("a", "b")
        for n in range(48)
    ]
    given: list[Part | None] = [*["test"] * 12, *["train"] * 36] * 2  # type: ignore[list-item]
    parts = split_as(given, grouped, with_validation=True)
    assert [part == "test" for part in parts] == [part == "test" for part in given]
    chosen = {each.group for each, p in zip(grouped, parts, strict=True) if p == "validation"}
    trained = {each.group for each, p in zip(grouped, parts, strict=True) if p == "train"}
    assert chosen
    assert not chosen & trained


def test_a_class_without_training_images_is_refused_by_name() -> None:
    images = images_of({"a": 3, "b": 3})
    with pytest.raises(DatasetError, match="no training image of the class 'b'"):
        split_as(["train", "train", "test", "test", "test", "test"], images)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    draw_frames(folder, seed=3, fields=8)
    return folder


def examples_of(dataset: Dataset, config: TrainConfig, cache: Path) -> Examples:
    passed = run_pass(FakeEngine(), Preprocessing(), dataset.paths, cache=cache)
    return make_examples(config, dataset, passed, kept=EarlierSplit({"0": "test"}, {}))


def test_near_copies_on_both_sides_are_told_and_left_out_together(
    frames: Path, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = read_dataset(frames)
    parts: list[Part] = ["test" if "_0" in path.name else "train" for path in dataset.paths]
    given = dataclasses.replace(dataset, parts=parts)
    config = TrainConfig(data=str(frames))
    with caplog.at_level(logging.WARNING):
        examples = examples_of(given, config, own_cache)
    assert examples.parts == parts
    assert "32 images in 8 groups that belong together" in caplog.text
    assert "because the given split has them there: the test results are too good" in caplog.text
    left_out = examples.labelled_rows("train").group_numbers()
    assert sorted(left_out.bincount().tolist()) == [3] * 8
    caplog.clear()
    ignored = dataclasses.replace(config, near_duplicates="ignore")
    examples = examples_of(given, ignored, own_cache)
    assert examples.parts == parts
    assert len(set(examples.labelled_rows("train").group_numbers().tolist())) == 24
    assert "belong together" not in caplog.text


def test_near_copies_in_training_and_validation_do_not_make_the_test_too_good(
    frames: Path, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = read_dataset(frames)
    parts: list[Part] = [
        "test" if "field00" in path.name else "validation" if "field01_0" in path.name else "train"
        for path in dataset.paths
    ]
    config = TrainConfig(data=str(frames), solver="lbfgs")
    with caplog.at_level(logging.WARNING):
        examples_of(dataclasses.replace(dataset, parts=parts), config, own_cache)
    assert "4 images in 1 group that belong together" in caplog.text
    assert "the validation results are too good" in caplog.text
    assert "test results" not in caplog.text


def test_groups_of_the_data_do_as_those_of_a_pattern_and_not_with_it(
    frames: Path, own_cache: Path
) -> None:
    dataset = read_dataset(frames)
    names = [path.name[:7] for path in dataset.paths]
    named = dataclasses.replace(dataset, groups=names)
    config = TrainConfig(data=str(frames), near_duplicates="ignore", holdout=0.3)
    by_data = examples_of(named, config, own_cache)
    pattern = dataclasses.replace(config, group="/(.{7})")
    by_pattern = examples_of(dataset, pattern, own_cache)
    assert by_data.groups == by_pattern.groups
    assert by_data.parts == by_pattern.parts
    assert len(set(by_data.near_groups)) == 8
    with pytest.raises(ConfigError, match="the data names groups of its own"):
        examples_of(named, pattern, own_cache)
