"""The classifier as a library: images of any kind in, names and scores out, saved and loaded."""

import csv
import dataclasses
import io
import math
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from torchvision.models import Inception_V3_Weights

from tests.fakes import FAKE_RECORD, FakeEngine
from torch_inception.answers.prediction import Prediction
from torch_inception.classifier.classifier import Classifier, imagenet_labels
from torch_inception.classifier.model_file import load_model, save_model
from torch_inception.commands.outputs import write_answers
from torch_inception.commands.predict import main
from torch_inception.errors import ConfigError, ImageError, ModelError
from torch_inception.training.train_classifier import train_classifier


@pytest.fixture
def trained(colours: Path, run: Path) -> Path:
    train_classifier(colours, output=run, engine=FakeEngine())
    return run


def green(size: tuple[int, int] = (9, 7)) -> Image.Image:
    return Image.new("RGB", size, (10, 230, 20))


def test_all_that_stands_for_an_image_is_named_alike_alone_and_in_a_list(
    trained: Path, tmp_path: Path
) -> None:
    classifier = Classifier.load(trained, engine=FakeEngine())
    path = tmp_path / "image.bin"
    green().save(path, "PNG")
    tensor = torch.tensor([10, 230, 20], dtype=torch.uint8).view(3, 1, 1).expand(3, 7, 9)
    answer = classifier.predict(green())
    assert answer[0].label == "green"
    assert all(isinstance(prediction, Prediction) for prediction in answer)
    content = path.read_bytes()
    array = numpy.array(green())
    items: list[Any] = [path, str(path), content, green(), array, tensor]
    for item in (*items, io.BytesIO(content)):
        assert classifier.predict(item) == answer
    with path.open("rb") as file:
        assert classifier.predict(file) == answer
    assert classifier.predict(items) == [answer] * 6
    assert classifier.predict(iter(items)) == [answer] * 6
    several: list[Any] = [
        torch.stack([tensor, tensor]), numpy.stack([array, array]),
        numpy.array([str(path), str(path)]), numpy.array([path, array], object),
    ]  # fmt: skip
    for batch in several:
        assert classifier.predict(batch) == [answer] * 2
    assert classifier.predict([]) == []


@pytest.mark.parametrize("top", [1, 2, 3, 50])
def test_the_best_come_first_and_all_scores_sum_to_1(top: int, trained: Path) -> None:
    answer = Classifier.load(trained, engine=FakeEngine()).predict(green(), top=top)
    scores = [prediction.score for prediction in answer]
    assert len(answer) == min(top, 3)
    assert scores == sorted(scores, reverse=True)
    assert top < 3 or sum(scores) == pytest.approx(1, abs=1e-6)


def test_an_answer_does_not_depend_on_the_images_beside_it(trained: Path, colours: Path) -> None:
    classifier = Classifier.load(trained, engine=FakeEngine())
    paths = sorted(colours.rglob("*.png"))[::4]
    together = classifier.predict(paths)
    assert [answer[0].label for answer in together] == [path.parent.name for path in paths]
    for path, answer in zip(paths, together, strict=True):
        assert classifier.predict(path) == answer


def test_training_and_prediction_give_the_same_scores(trained: Path, colours: Path) -> None:
    with (trained / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    classifier = Classifier.load(trained, engine=FakeEngine())
    for row, answer in zip(
        rows, classifier.predict([colours / row["path"] for row in rows]), strict=True
    ):
        assert answer[0].label == row["prediction"]
        assert answer[0].score == pytest.approx(float(row["score"]), abs=1e-6)
    assert len(rows) >= 3


def test_the_trained_classifier_and_the_loaded_one_agree(colours: Path, run: Path) -> None:
    result = train_classifier(colours, output=run, resize="pad", engine=FakeEngine())
    paths = sorted(colours.rglob("*.png"))[:20]
    assert Classifier.load(run, engine=FakeEngine()).predict(paths) == result.classifier.predict(
        paths
    )
    assert Classifier.load(run / "model.pt", engine=FakeEngine()).predict(
        paths
    ) == result.classifier.predict(paths)
    assert Classifier.load(str(run), engine=FakeEngine()).model.preprocessing.resize == "pad"


def test_saving_and_loading_changes_nothing(trained: Path, tmp_path: Path) -> None:
    classifier = Classifier.load(trained, engine=FakeEngine())
    classifier.save(tmp_path / "new" / "copy.pt")
    copy = Classifier.load(tmp_path / "new" / "copy.pt", engine=FakeEngine())
    assert copy.predict(green()) == classifier.predict(green())
    assert copy.labels == classifier.labels == ["blue", "green", "red"]
    assert copy.model.record == classifier.model.record
    assert torch.equal(copy.model.head.weight, classifier.model.head.weight)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_an_image_that_cannot_be_read_is_named(position: int, trained: Path, colours: Path) -> None:
    paths = sorted(colours.rglob("*.png"))[:2]
    paths.insert(position, colours / "gone.png")
    with pytest.raises(ImageError, match=r"gone\.png: no such file"):
        Classifier.load(trained, engine=FakeEngine()).predict(paths)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (5, "not int"),
        (None, "not NoneType"),
        ({"a": 1}, "not dict"),
        ([["a.png"]], "not list"),
        ([3], "not int"),
        (bytearray(b"a"), "not bytearray"),
        (numpy.zeros((8, 8, 3)), r"not ndarray float64 \(8, 8, 3\)\. Scale RGB to 0 to 255"),
        (numpy.zeros((8, 9), numpy.uint8), r"not ndarray uint8 \(8, 9\).*fromarray takes grey"),
        (numpy.zeros((2, 8, 8, 3)), r"not ndarray float64 \(2, 8, 8, 3\)"),
        (torch.zeros(2, 3, 8, 8), r"not Tensor torch.float32 \(2, 3, 8, 8\)"),
        (numpy.zeros(3, numpy.uint8), r"not ndarray uint8 \(3,\)"),
    ],
)
def test_what_is_no_image_is_named_as_it_was_given(given: Any, named: str, trained: Path) -> None:  # noqa: ANN401
    classifier = Classifier.load(trained, engine=FakeEngine())
    for use in (classifier.predict, classifier.predict_proba):
        with pytest.raises(TypeError, match=rf"^an image is a path, .* \(3, H, W\), {named}"):
            use(given)


@pytest.mark.parametrize("given", ["a.png", b"a", 5, {"a": 1}, green(), numpy.zeros((8, 8, 3))])
def test_a_stream_is_of_several_images(given: Any, trained: Path) -> None:  # noqa: ANN401
    classifier = Classifier.load(trained, engine=FakeEngine())
    with pytest.raises(TypeError, match=f"give a list of images, not {type(given).__name__}"):
        classifier.predict_stream(given)


def test_probabilities_are_the_scores_in_the_order_of_the_labels(
    trained: Path, colours: Path
) -> None:
    classifier = Classifier.load(trained, engine=FakeEngine())
    images: list[Any] = [*sorted(colours.rglob("*.png"))[::9], green()]
    found = classifier.predict_proba(images)
    assert found.shape == (len(images), 3)
    assert found.dtype == numpy.float64
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-12)
    for row, answer in zip(found, classifier.predict(images), strict=True):
        assert dict(zip(classifier.labels, row.tolist(), strict=True)) == dict(answer)
    assert numpy.array_equal(classifier.predict_proba(images[-1]), found[-1:])
    assert classifier.predict_proba([]).shape == (0, 3)


def test_a_bad_image_has_no_probabilities(trained: Path, tmp_path: Path) -> None:
    classifier = Classifier.load(trained, engine=FakeEngine())
    with pytest.raises(ImageError, match=r"gone\.png: no such file"):
        classifier.predict_proba([green(), tmp_path / "gone.png"])
    with pytest.raises(ImageError, match="^image 1: not an image but text"):
        classifier.predict_proba([green(), b"a circle"])
    with pytest.raises(ImageError, match="^image 0: '' is no path of an image$"):
        classifier.predict("")


def change_record(content: dict[str, Any], **changes: Any) -> None:  # noqa: ANN401
    content["record"] |= changes


def no_number(content: dict[str, Any]) -> None:
    content["weight"][1, 2] = float("nan")


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "other tensors": (
        lambda content: change_record(content, fingerprint="0" * 64),
        "was trained with the weights imagenet .*sha256 000000000000.*ffffffffffff",
    ),
    "other input": (
        lambda content: change_record(content, mean=(0.0, 0.0, 0.0)),
        "was trained with the weights.*wants another input",
    ),
    "a label too many": (lambda content: content["labels"].append("more"), "is damaged"),
    "no head": (lambda content: content.pop("weight"), "is damaged"),
    "not a number": (no_number, "not finite"),
    "a later format": (lambda content: content.update(format=99), "has the format 99"),
    "nothing": (lambda content: content.clear(), "not a model that training saved"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_model_that_does_not_fit_is_refused(
    change: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, complaint = CHANGES[change]
    content = torch.load(trained / "model.pt", weights_only=True)
    spoil(content)
    torch.save(content, trained / "model.pt")
    with pytest.raises(ModelError, match=complaint):
        Classifier.load(trained, engine=FakeEngine())
    assert main(["any.png", "--model", str(trained)], engine=FakeEngine()) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("error: ")


class Rogue:
    """What a pickle must not be able to do."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return exec, ("raise SystemExit('a loaded file was run')",)


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "cut short", "code"])
def test_what_is_no_model_is_refused(kind: str, trained: Path) -> None:
    file = trained / "model.pt"
    whole = file.read_bytes()
    if kind == "missing":
        file.unlink()
    elif kind == "code":
        torch.save({"format": 1, "weight": Rogue()}, file)
    else:
        file.write_bytes({"text": b"no model", "empty": b"", "cut short": whole[:9000]}[kind])
    with pytest.raises(ModelError, match=r"model\.pt"):
        Classifier.load(trained, engine=FakeEngine())


def test_an_unknown_source_of_weights_is_refused(trained: Path) -> None:
    with pytest.raises(ConfigError, match="'resnet' is not a source"):
        Classifier.load(trained, weights="resnet")


def test_imagenet_has_a_thousand_classes_with_all_their_names() -> None:
    labels = imagenet_labels()
    categories = Inception_V3_Weights.IMAGENET1K_V1.meta["categories"]
    assert len(labels) == 1000
    # WordNet's bird and machine have one name in common, and no other: "crane".
    assert {label for label in labels if labels.count(label) > 1} == {"crane"}
    assert labels[384] == "indri, indris, Indri indri, Indri brevicaudatus"
    assert labels[387] == "lesser panda, red panda, panda, bear cat, cat bear, Ailurus fulgens"
    assert labels[388] == "giant panda, panda, panda bear, coon bear, Ailuropoda melanoleuca"
    assert labels[956] == "custard apple"
    assert labels[995] == "earthstar"
    others = [i for i in range(1000) if categories[i] not in labels[i].split(", ")]
    assert [categories[i] for i in others] == ["crane bird", "maillot tank suit"]


def test_images_are_named_with_imagenets_classes_without_a_model(
    plain_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", (40, 30), (255, 0, 0)).save(path)
    assert main([str(path), "--top", "2", "--weights", str(plain_weights)]) == 0
    # Logit 10 for class 0, 0 for the 999 others: e^10 / (e^10 + 999) = 0.9566.
    found = re.findall(r"(.*) \(score = (.*)\)\n", capsys.readouterr().out)
    assert [label for label, _ in found] == [
        "tench, Tinca tinca",
        "goldfish, Carassius auratus",
    ]
    assert [float(score) for _, score in found] == pytest.approx([0.9566, 0.00004], abs=5e-4)
    classifier = Classifier.imagenet(weights=plain_weights)
    assert classifier.labels == imagenet_labels()
    answer = classifier.predict(path, top=1000)
    assert answer[0].score == pytest.approx(math.exp(10) / (math.exp(10) + 999), rel=5e-4)
    assert sum(prediction.score for prediction in answer) == pytest.approx(1, abs=1e-5)
    assert classifier.model.preprocessing.resize == "crop"


class Noticing(io.StringIO):
    """A stream that tells when an answer was flushed."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed = threading.Semaphore(0)

    def flush(self) -> None:
        self.flushed.release()


def test_answers_come_one_by_one_while_paths_are_still_being_typed(
    trained: Path, colours: Path
) -> None:
    output = Noticing()
    seen: list[int] = []

    def typed() -> Iterator[Path]:
        for path in sorted(colours.rglob("*.png"))[:3]:
            yield path
            assert output.flushed.acquire(timeout=20)
            seen.append(output.getvalue().count("\n"))

    classifier = Classifier.load(trained, engine=FakeEngine())
    counted = write_answers(classifier, typed(), top=1, style="text", headings=False, output=output)
    assert seen == [1, 2, 3]
    assert counted == (3, [])


def test_an_image_without_pixels_is_an_image_error(trained: Path) -> None:
    classifier = Classifier.load(trained, engine=FakeEngine())
    for nothing in (Image.new("RGB", (0, 5)), torch.zeros(3, 0, 5, dtype=torch.uint8)):
        with pytest.raises(ImageError, match="no pixels"):
            classifier.predict(nothing)


def test_a_model_records_which_weights_were_tried_in_vain(
    plain_weights: Path, colours: Path, tmp_path: Path
) -> None:
    for path in sorted(colours.rglob("*_0[3-9].png")) + sorted(colours.rglob("*_[12]*.png")):
        path.unlink()
    missing = tmp_path / "missing.pth"
    result = train_classifier(
        colours, output=tmp_path / "run", weights=f"{missing},{plain_weights}"
    )
    reason = f"there is no file {missing}. Check the path."
    assert load_model(tmp_path / "run").refused == ((str(missing), reason),)
    assert result.metrics["network"]["refused"] == [{"source": str(missing), "reason": reason}]


def test_an_engine_of_other_weights_is_refused(trained: Path) -> None:
    other = dataclasses.replace(FAKE_RECORD, fingerprint="0" * 64)
    with pytest.raises(ModelError, match="was trained with the weights imagenet"):
        Classifier.load(trained, engine=FakeEngine(other))


def test_equal_runs_write_equal_files_but_for_their_dates(colours: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        train_classifier(colours, output=tmp_path / name, engine=FakeEngine())
        model = load_model(tmp_path / name)
        assert model.training is not None
        undated = dataclasses.replace(model.training, created="2026-01-01T00:00:00Z")
        save_model(dataclasses.replace(model, training=undated), tmp_path / name / "model.pt")
    first, second = ((tmp_path / name / "model.pt").read_bytes() for name in ("first", "second"))
    assert first == second


def test_a_model_is_saved_as_a_file_and_not_over_a_folder(trained: Path, tmp_path: Path) -> None:
    classifier = Classifier.load(trained, engine=FakeEngine())
    folder = tmp_path / "one"
    folder.mkdir()
    with pytest.raises(ConfigError, match=r"one' is a folder\. Name a file in it"):
        classifier.save(folder)
    assert list(folder.iterdir()) == []
