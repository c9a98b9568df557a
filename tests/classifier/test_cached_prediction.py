"""Naming images takes rows from the cache where files are unchanged, and writes nothing there."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy
import pytest
from PIL import Image

from tests.fakes import CountingEngine, FakeEngine
from tests.openings import openings
from torch_inception.answers.prediction import Prediction
from torch_inception.classifier.classifier import Classifier
from torch_inception.commands.predict import main
from torch_inception.engines.protocol import Rows
from torch_inception.errors import ImageError
from torch_inception.images.image_input import ImageInput
from torch_inception.images.preprocess import Pixels
from torch_inception.training.train_classifier import train_classifier


class Refusing(FakeEngine):
    """Computes nothing."""

    def rows(self, images: Sequence[Pixels]) -> Rows:
        raise AssertionError("an image was computed")


Answers = list[list[Prediction]]


@pytest.fixture
def paths(colours: Path) -> list[Path]:
    return sorted(colours.rglob("*.png"))


@pytest.fixture
def fresh(colours: Path, run: Path, paths: list[Path], tmp_path: Path) -> Answers:
    """Train, and give the answers of a process whose cache is empty."""
    train_classifier(colours, output=run, engine=FakeEngine())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_INCEPTION_CACHE", str(tmp_path / "none"))
        engine = CountingEngine()
        answers = Classifier.load(run, engine=engine).predict(paths)
    assert engine.images == len(paths) == 90
    assert not (tmp_path / "none").exists()
    return answers


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """List the names of the images that are opened."""
    with openings(".png") as names:
        yield names


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_unchanged_files_are_not_read_and_have_the_same_bits(
    fresh: Answers, run: Path, paths: list[Path], own_cache: Path, opened: list[str]
) -> None:
    before = snapshot(own_cache)
    classifier = Classifier.load(run, engine=Refusing())
    assert classifier.predict(paths) == fresh
    assert list(classifier.predict_stream(iter(paths))) == fresh
    scores = numpy.sort(classifier.predict_proba(paths))[:, ::-1]
    assert scores.tolist() == [[each.score for each in answer] for answer in fresh]
    assert opened == []
    assert snapshot(own_cache) == before


def test_the_command_does_not_read_them_either(
    fresh: Answers, run: Path, paths: list[Path], opened: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    names = [str(path) for path in paths]
    assert main([*names, "--model", str(run), "--top", "1"], engine=Refusing()) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "score" in line]
    assert lines == [f"{answer[0].label} (score = {answer[0].score:.5f})" for answer in fresh]
    assert opened == []


def test_a_changed_file_is_computed_anew_and_a_copy_is_known_by_its_content(
    fresh: Answers, run: Path, paths: list[Path], tmp_path: Path
) -> None:
    paths[0].write_bytes(paths[60].read_bytes())
    Image.new("RGB", (9, 9), (7, 250, 9)).save(paths[1], "PNG")
    copy = Path(shutil.copy(paths[2], tmp_path / "copy.png"))
    engine = CountingEngine()
    classifier = Classifier.load(run, engine=engine)
    answers = classifier.predict([*paths, copy])
    assert engine.images == 1
    assert answers[1] == classifier.predict(Image.new("RGB", (9, 9), (7, 250, 9))) != fresh[1]
    assert [answers[0], *answers[2:]] == [fresh[60], *fresh[2:], fresh[2]]


def test_an_order_of_many_kinds_is_kept(
    fresh: Answers, run: Path, paths: list[Path], tmp_path: Path
) -> None:
    images: list[ImageInput] = [
        paths[0],
        Image.open(paths[40]),
        tmp_path / "gone.png",
        paths[40].read_bytes(),
        paths[80],
    ]
    engine = CountingEngine()
    stream = Classifier.load(run, engine=engine).predict_stream(images * 20)
    for number, answer in enumerate(stream):
        if number % 5 == 2:
            assert isinstance(answer, ImageError)
            assert str(answer) == "no such file"
        else:
            assert answer == fresh[[0, 40, -1, 40, 80][number % 5]]
    assert engine.images == 40


def test_heads_that_read_rows_of_full_precision_do_without(
    fresh: Answers, run: Path, paths: list[Path]
) -> None:
    engine = CountingEngine()
    model = dataclasses.replace(Classifier.load(run, engine=engine).model, half_features=False)
    Classifier(model, engine).predict(paths[:5])
    assert engine.images == 5


def test_rows_of_another_preprocessing_or_engine_are_not_taken(
    fresh: Answers, run: Path, paths: list[Path]
) -> None:
    engine = CountingEngine()
    loaded = Classifier.load(run, engine=engine)
    other = dataclasses.replace(
        loaded.model, preprocessing=dataclasses.replace(loaded.model.preprocessing, resize="pad")
    )
    Classifier(other, engine).predict(paths[:5])
    assert engine.images == 5
    engine.arithmetic = "bf16"
    loaded.predict(paths[:5])
    assert engine.images == 10


def nonsense(file: Path) -> None:
    file.write_bytes(b"something else " * 500)


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("spoil", [nonsense, half, folder, Path.unlink])
@pytest.mark.parametrize("name", ["rows.bin", "index.sqlite", "files-2.sqlite"])
def test_a_damaged_cache_changes_no_answer_and_is_not_repaired(
    name: str, spoil: Callable[[Path], None], fresh: Answers, run: Path, paths: list[Path],
    own_cache: Path,
) -> None:  # fmt: skip
    (file,) = own_cache.rglob(name)
    spoil(file)
    before = snapshot(own_cache)
    assert Classifier.load(run, engine=FakeEngine()).predict(paths) == fresh
    assert snapshot(own_cache) == before


def test_a_name_that_no_file_can_have_spoils_no_other(
    fresh: Answers, run: Path, paths: list[Path]
) -> None:
    names = ["\ud800.png", *map(str, paths[:3]), "a\0b"]
    first, *others, last = Classifier.load(run, engine=Refusing()).predict_stream(names)
    assert "not a name that a file can have" in str(first)
    assert "not a name that a file can have" in str(last)
    assert others == fresh[:3]
