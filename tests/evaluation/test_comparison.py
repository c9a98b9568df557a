"""`evaluate --against`: two models on the same images, counted by hand and tested as by scipy."""

import shutil
from pathlib import Path

import pytest
from PIL import Image
from scipy.stats import binomtest

from tests.drawings import draw_colours
from tests.evaluation.conftest import Evaluate, draw
from tests.fakes import FakeEngine
from tests.training.runs import metrics_of
from torch_inception import evaluate_classifier
from torch_inception.errors import DatasetError
from torch_inception.training.train_classifier import train_classifier


@pytest.fixture
def other(colours: Path, tmp_path: Path) -> Path:
    """Train a model that calls red blue and blue red."""
    swapped = tmp_path / "swapped"
    for label, name in (("red", "blue"), ("blue", "red"), ("green", "green")):
        shutil.copytree(colours / label, swapped / name)
    return train_classifier(swapped, output=tmp_path / "other", engine=FakeEngine()).output


def test_the_four_counts_and_the_test(
    trained: Path, other: Path, new: Path, evaluate: Evaluate
) -> None:
    for number in range(2):  # which the other model alone calls red
        draw(new / "red" / f"blue {number}.png", 7, 6, 180 + number)
    status, out, err = evaluate(trained, new, "--against", other)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    start = lines.index(f"Compared with {other} on 26 images:")
    p_value = binomtest(2, 17, 0.5).pvalue
    # Of the images that are where they belong, both know the 5 green ones.
    assert lines[start + 1 : -2] == [
        f"  accuracy: {trained} 76.9%, {other} 26.9%",
        f"  right by both 5, by {trained} alone 15, by {other} alone 2, by neither 4",
        f"  {trained} is better on images like these: chance alone does as much with "
        f"p = {p_value:.2g} (McNemar's test, exact)",
    ]
    found = metrics_of(trained / "evaluation" / "new")["against"]
    assert found["p_value"] == pytest.approx(p_value)
    counts = ["both_right", "only_this_right", "only_other_right", "both_wrong", "n"]
    assert [found[name] for name in counts] == [5, 15, 2, 4, 26]
    assert (found["accuracy"], found["other_accuracy"]) == (20 / 26, 7 / 26)
    assert found["model"]["sha256"] != metrics_of(trained / "evaluation" / "new")["model"]["sha256"]
    assert (found["run"], found["left_out"], found["unreadable"]) == (str(other), {}, 0)


def test_the_better_one_may_be_the_other(
    trained: Path, other: Path, new: Path, evaluate: Evaluate
) -> None:
    _, out, _ = evaluate(other, new, "--against", trained)
    assert f"  {trained} is better on images like these: " in out


def test_a_difference_of_chance_is_called_so(
    trained: Path, other: Path, tmp_path: Path, evaluate: Evaluate
) -> None:
    for number in range(4):
        draw(tmp_path / "few" / "red" / f"{number}.png", 180 + number, 0, 0)
    draw(tmp_path / "few" / "red" / "blue.png", 0, 0, 180)
    _, out, _ = evaluate(trained, tmp_path / "few", "--against", other)
    assert binomtest(1, 5, 0.5).pvalue == 0.375
    assert (
        "  that does not tell which is better: chance alone does as much with p = 0.38 (McNemar's "
        "test, exact)\n"
    ) in out
    _, out, _ = evaluate(trained, tmp_path / "few", "--against", trained)
    assert "  these images do not tell them apart: both are right on the same ones\n" in out


def test_classes_that_only_one_knows_are_not_compared(
    trained: Path, colours: Path, new: Path, tmp_path: Path, evaluate: Evaluate
) -> None:
    data = tmp_path / "without_green"
    shutil.copytree(colours, data, ignore=shutil.ignore_patterns("green"))
    for number in range(30):
        draw(data / "grey" / f"{number}.png", *(60 + 3 * number,) * 3)
    train_classifier(data, output=tmp_path / "other", engine=FakeEngine())
    for number in range(3):
        draw(new / "grey" / f"{number}.png", *(75 + number,) * 3)
    _, out, err = evaluate(trained, new, "--against", tmp_path / "other")
    assert "does not know 'grey': 3 files are left out" in err
    assert f"Compared with {tmp_path / 'other'} on 18 images:\n" in out
    assert "  not compared, as only one knows the class: green (6), grey (3)\n" in out
    found = metrics_of(trained / "evaluation" / "new")
    assert found["against"]["left_out"] == {"green": 6, "grey": 3}
    # An answer that the other cannot give is an answer still: 3 green images are called red.
    assert found["against"]["accuracy"] == 15 / 18
    assert found["test"]["n"] == 24


def test_a_class_that_only_the_other_knows_may_have_another_unicode_form(
    trained: Path, colours: Path, new: Path, tmp_path: Path
) -> None:
    shutil.copytree(colours, tmp_path / "more")
    (tmp_path / "more" / "green").rename(tmp_path / "more" / "caf\u00e9")
    train_classifier(tmp_path / "more", output=tmp_path / "other", engine=FakeEngine())
    draw(new / "cafe\u0301" / "1.png", 99, 99, 90)
    found = evaluate_classifier(trained, new, against=tmp_path / "other", engine=FakeEngine())
    assert found.metrics["against"]["left_out"] == {"green": 6, "cafe\u0301": 1}


def test_no_class_in_common_is_a_mistake(trained: Path, new: Path, tmp_path: Path) -> None:
    draw_colours(tmp_path / "a")
    for label in ("red", "green", "blue"):
        (tmp_path / "a" / label).rename(tmp_path / "a" / f"dark {label}")
    train_classifier(tmp_path / "a", output=tmp_path / "other", engine=FakeEngine())
    with pytest.raises(DatasetError, match=r"no image of a class that .*other knows"):
        evaluate_classifier(trained, new, against=tmp_path / "other", engine=FakeEngine())
    assert not (trained / "evaluation" / "new").exists()


def test_images_that_the_other_was_trained_on_are_told(
    trained: Path, colours: Path, new: Path, tmp_path: Path, evaluate: Evaluate
) -> None:
    both = tmp_path / "both"
    shutil.copytree(colours, both)
    shutil.copytree(new / "blue", both / "blue", dirs_exist_ok=True)
    train_classifier(both, output=tmp_path / "other", holdout=0, engine=FakeEngine())
    _, _, err = evaluate(trained, new, "--against", tmp_path / "other")
    assert err == (
        f"WARNING: {tmp_path / 'other'} was trained on 7 of these 24 images: figures on them are "
        "too good.\n"
    )


def test_images_that_only_one_can_read_are_not_compared(
    trained: Path, colours: Path, new: Path, tmp_path: Path, evaluate: Evaluate
) -> None:
    train_classifier(colours, output=tmp_path / "other", page="2", engine=FakeEngine())
    page = Image.new("RGB", (40, 40), (200, 20, 20))
    page.save(new / "red" / "one page.tif")
    page.save(new / "red" / "two pages.tif", save_all=True, append_images=[page])
    _, out, err = evaluate(trained, new, "--against", tmp_path / "other")
    assert "one page.tif" in err
    assert f"Compared with {tmp_path / 'other'} on 25 images:\n" in out
    assert f"  not compared, as {tmp_path / 'other'} cannot read it: 1 file\n" in out
    assert metrics_of(trained / "evaluation" / "new")["test"]["n"] == 26
