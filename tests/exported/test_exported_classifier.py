"""Naming images with a file that `export` wrote: what it answers, and what it refuses."""

import io
import json
import math
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from tests.exported.small_file import LABELS, TRAINING, save_small
from torch_inception import (
    Classifier,
    ConfigError,
    ExportedClassifier,
    ImageError,
    ModelError,
)
from torch_inception.commands.main import main
from torch_inception.errors import InstallationError
from torch_inception.images.image_input import ImageInput

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

RED = (100, 20, 0)
SCORES = [math.exp(each) / (math.exp(10) + math.exp(2) + 1) for each in (10, 2, 0)]
"""Of an image whose colour is `RED`."""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return save_small(tmp_path / "small.onnx")


def red(size: tuple[int, int] = (30, 20)) -> Image.Image:
    return Image.new("RGB", size, RED)


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("for_one", [True, False])
def test_whatever_stands_for_an_image_is_named(small: Path, tmp_path: Path, for_one: bool) -> None:
    classifier = ExportedClassifier.load(small, for_one=for_one)
    path = tmp_path / "red.png"
    red().save(path)
    images: list[ImageInput] = [
        path,
        str(path),
        png(red()),
        red(),
        numpy.asarray(red()),
        io.BytesIO(png(red())),
    ]
    assert classifier.labels == LABELS
    assert classifier.predict_proba(images) == pytest.approx(numpy.array([SCORES] * 6), abs=1e-5)
    answer = classifier.predict(path, top=2)
    assert [each.label for each in answer] == ["red", "green"]
    assert answer[1].score == pytest.approx(SCORES[1], abs=1e-5)


def test_a_bad_image_gives_its_error_and_the_others_go_on(small: Path, tmp_path: Path) -> None:
    classifier = ExportedClassifier.load(small)
    bad = tmp_path / "bad.jpg"
    bad.write_text("no image")
    answers = list(classifier.predict_stream([red(), bad, b"", red()] * 20, top=1))
    assert [isinstance(each, ImageError) for each in answers] == [False, True, True, False] * 20
    with pytest.raises(ImageError, match=r"bad\.jpg"):
        classifier.predict([red(), bad])
    with pytest.raises(TypeError, match="a list of images"):
        classifier.predict_stream("image.jpg")


@pytest.mark.parametrize("value", [0, "3", None, 2.5])
def test_numbers_of_a_wrong_kind_are_refused(small: Path, value: Any) -> None:  # noqa: ANN401
    classifier = ExportedClassifier.load(small)
    for ask in (classifier.predict, classifier.predict_stream):
        with pytest.raises(ConfigError, match=rf"top = {value!r} must be a whole number from 1"):
            ask([red()], top=value)
    assert len(classifier.predict(red(), top=numpy.array([2])[0])) == 2
    with pytest.raises(ConfigError, match=rf"false_rejection = {value!r} must be a number above 0"):
        classifier.distance(red(), false_rejection=value)


def test_text_of_no_length_is_no_path(small: Path) -> None:
    classifier = ExportedClassifier.load(small)
    for ask in (classifier.predict, classifier.predict_proba, classifier.distance):
        with pytest.raises(ImageError, match="^image 0: '' is no path of an image$"):
            ask("")
    answers = list(classifier.predict_stream(["", red()]))
    assert [isinstance(each, ImageError) for each in answers] == [True, False]


def test_distance_and_sets_of_labels(small: Path) -> None:
    classifier = ExportedClassifier.load(small)
    # The 39th of 40 distances is 390, at 5%; at 80% it is the 9th.
    near, far = classifier.distance(red()), classifier.distance(red(), false_rejection=0.8)
    assert near.distance == far.distance == pytest.approx(100)
    assert [(each.known, each.threshold) for each in (near, far)] == [(True, 390), (False, 90)]
    answer = classifier.predict(Image.new("RGB", (9, 9), (100, 98, 0)), top=3)
    assert classifier.label_set(answer, coverage=0.9) == ["red", "green"]
    with pytest.raises(ConfigError, match=r"no threshold for it\. Give 0\.9 or 0\.95\.$"):
        classifier.label_set(answer, coverage=0.5)


def test_a_model_of_several_labels_has_thresholds_in_place_of_sets(tmp_path: Path) -> None:
    thresholds = json.dumps(dict.fromkeys(LABELS, 0.5))
    path = save_small(tmp_path / "small.onnx", torch_inception_format="2", thresholds=thresholds)
    classifier = ExportedClassifier.load(path)
    answer = classifier.predict(red(), top=3)
    with pytest.raises(
        ConfigError, match=r"gives several\. Take .* classifier\.thresholds or more"
    ):
        classifier.label_set(answer)


def test_a_model_that_knows_no_training_images_tells_no_distance(tmp_path: Path) -> None:
    path = save_small(tmp_path / "small.onnx", distances_left_out=None)
    classifier = ExportedClassifier.load(path)
    assert classifier.predict(red(), top=1)[0].label == "red"
    assert not classifier.knows_training_images
    with pytest.raises(ModelError, match="knows nothing of its training images"):
        classifier.distance(red())


def test_an_image_that_cannot_be_explained_is_named(small: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("no image")
    with pytest.raises(ImageError, match=r"bad\.png: not an image but text"):
        ExportedClassifier.load(small).explain(bad)


def test_the_map_is_that_of_the_best_class(small: Path) -> None:
    explanation = ExportedClassifier.load(small).explain(red())
    assert explanation.best == "red"
    assert explanation.score("green") == pytest.approx(SCORES[1], abs=1e-5)
    seen = explanation.seen("red")
    assert seen.shape == (299, 299)
    assert seen.sum() == pytest.approx(10 * 149 / 299, rel=1e-4)
    assert (explanation.pixels == RED).all()
    for ask in ({"label": "green"}, {"label": "red", "versus": "green"}):
        with pytest.raises(ConfigError, match="the map of the best class alone, here 'red'"):
            explanation.seen(**ask)


def test_many_threads_may_use_it_at_once(small: Path) -> None:
    classifier = ExportedClassifier.load(small)
    found: list[float] = []

    def work() -> None:
        found.extend(classifier.predict(red(), top=1)[0].score for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [found[0]] * 160


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"torch_inception_format": None}, "not one that torch-inception export wrote"),
        ({"torch_inception_format": "3"}, "has the format 3; this version reads 1. Update"),
        ({"names": None}, "damaged ('names' is missing)"),
        ({"names": '{"1": "cat"}'}, "damaged ('0' is missing)"),
        ({"names": '{"0": "cat", "1": "dog"}'}, "its graph does not give what it says"),
        ({"names": "[]"}, "damaged"),
        ({"names": '{"0": "a", "1": "a", "2": "b"}'}, "two classes have one name"),
        ({"training": '{"images": Infinity}'}, "damaged"),
        ({"preprocessing": '{"resize": "stretch"}'}, "damaged"),
        ({"coverage": '{"0.9": 7}'}, "damaged"),
        ({"coverage": "nothing"}, "damaged"),
        ({"distances_left_out": '{"count": 1, "distances": ["far"]}'}, "damaged"),
        ({"distances_left_out": '{"count": 0, "distances": [1.0]}'}, "damaged"),
    ],
)
def test_what_a_file_says_of_itself_is_checked(
    tmp_path: Path, about: dict[str, str | None], told: str
) -> None:
    path = save_small(tmp_path / "small.onnx", **about)
    with pytest.raises(ModelError, match="small.onnx") as raised:
        ExportedClassifier.load(path)
    assert told in str(raised.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9, 0.999])
def test_a_file_that_is_not_whole_is_told_of(small: Path, share: float) -> None:
    content = small.read_bytes()
    small.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=r"small\.onnx"):
        ExportedClassifier.load(small)


@pytest.mark.parametrize("content", [b"no model at all", b"\xff" * 5000, b"PK\3\4" + bytes(100)])
def test_other_files_are_told_of(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"other\.onnx is no ONNX file, or damaged"):
        ExportedClassifier.load(path)
    with pytest.raises(ModelError, match=r"there is no model .*torch-inception export RUN\.$"):
        ExportedClassifier.load(tmp_path / "none.onnx")


def test_a_run_folder_is_told_of_as_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder\. Name its model\.onnx.*Classifier\.load"):
        ExportedClassifier.load(tmp_path)


def test_a_file_whose_weights_lie_in_another_is_refused(small: Path) -> None:
    import onnx

    model = onnx.load(str(small))
    onnx.save(model, str(small), save_as_external_data=True, location="weights", size_threshold=0)
    with pytest.raises(ModelError, match="its weights are in another file"):
        ExportedClassifier.load(small)


def test_no_part_of_the_graph_can_have_another_file_opened(small: Path) -> None:
    import onnx

    model = onnx.load(str(small))
    tensor = onnx.TensorProto(name="c", data_type=1, dims=[4], data_location="EXTERNAL")
    tensor.external_data.add(key="location", value="secret.bin")
    node = onnx.helper.make_node("Constant", [], ["c"], value=tensor)
    model.graph.node.append(node)
    small.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="its weights are in another file"):
        ExportedClassifier.load(small)


def test_numbers_that_are_none_are_told_of(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import onnx

    model = onnx.load(str(small))
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == numpy.float32:
            tensor.CopyFrom(
                onnx.numpy_helper.from_array(numpy.full_like(values, numpy.nan), tensor.name)
            )
    small.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="answers what is no number"):
        ExportedClassifier.load(small)
    red().save(tmp_path / "red.png")
    assert main(["predict", "--model", str(small), str(tmp_path / "red.png")]) == 1
    assert "answers what is no number" in capsys.readouterr().err


def test_a_missing_onnxruntime_is_named(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InstallationError, match=r"pip install onnxruntime\."):
        ExportedClassifier.load(small)


WITHOUT_TORCH = """
import sys
for package in ("torch", "torchvision", "tqdm", "jinja2", "onnx", "tifffile", "pillow_heif"):
    sys.modules[package] = None
from torch_inception.commands.main import main
sys.exit(main())
"""


def test_the_command_needs_no_torch(small: Path, tmp_path: Path) -> None:
    image = red()
    image.putpixel((0, 0), (90, 20, 0))  # images of one plain colour are warned of
    image.save(tmp_path / "red.png")
    flags = ["--explain", str(tmp_path / "maps"), "--coverage", "0.9", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "predict", "--model", small, tmp_path / "red.png",
         *flags],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert '"label": "red"' in done.stdout
    assert (tmp_path / "maps" / "red.map.png").is_file()
    # And where torch would be needed, that is what is told.
    other = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "predict", tmp_path / "red.png"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert other.returncode == 1
    assert "pip install torch torchvision" in other.stderr
    assert "Traceback" not in other.stderr


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("evaluate", ["{}", "."]),
        ("export", ["{}"]),
        ("sort", [".", "--model", "{}", "--into", "a"]),
    ],
)
def test_torch_is_not_asked_for_where_it_would_not_help(
    small: Path, name: str, flags: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, name, *(each.format(small) for each in flags)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "small.onnx is an exported file: predict, show and serve take it" in done.stderr


def test_what_is_shown_of_the_training_is_what_a_run_shows(tmp_path: Path) -> None:
    figures = {"tested": 10, "test_right": 9, "held_out": 90, "held_out_right": 81}
    small = save_small(tmp_path / "small.onnx", training=json.dumps({**TRAINING, **figures}))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "show", small],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    trained, test, left_out, *_ = done.stdout.splitlines()
    assert trained.endswith("  2026-11-29 14:02 UTC, by torch_inception 0.1.0, on 90 images")
    assert re.match(r"test accuracy +90\.0% \(N=10\), 95% interval ", test)
    assert re.match(r"leave-one-out accuracy +90\.0% \(N=90\), 95% interval ", left_out)


def test_other_commands_say_what_takes_it(
    small: Path, colours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(small)]) == 0
    shown = capsys.readouterr().out
    assert "classes        3: red, green, blue" in shown
    assert "preprocessing  resize = squash" in shown
    for command in (["evaluate", str(small), str(colours)], ["export", str(small)]):
        assert main(command) == 1
        assert (
            "small.onnx is an exported file: predict, show and serve take it"
            in capsys.readouterr().err
        )
    with pytest.raises(ModelError, match="ExportedClassifier"):
        Classifier.load(small)
