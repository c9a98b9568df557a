"""`torch-inception export`: files that answer as the classifier does, in what runs them."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.drawings import landscape
from torch_inception.classifier.classifier import Classifier
from torch_inception.commands.main import main
from torch_inception.errors import WeightsError
from torch_inception.export import check, export_model
from torch_inception.export.browser_runtime import RUNTIME_FILES
from torch_inception.export.run_exported import open_exported
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.training.train_classifier import train_classifier

pytest.importorskip("onnxscript")  # each export takes its time: all of them run where it is
pytest.importorskip("onnxruntime")

Export = Callable[..., tuple[int, str, str]]


@pytest.fixture
def export(capsys: pytest.CaptureFixture[str]) -> Export:
    """Give a function that runs the command and returns (status, out, err)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        status = main(["export", *map(str, arguments)])
        return status, *capsys.readouterr()

    return call


def image(*, size: tuple[int, int] = (61, 47)) -> NDArray[numpy.uint8]:
    """Return a landscape of some width and height, which the model has never seen."""
    return numpy.asarray(Image.fromarray(landscape(120)).resize(size))


def largest_difference(out: str) -> float:
    """Return the largest difference of a score that is told, from equal pixels."""
    found = re.search(r"largest difference of a score: ([\d.]+) from equal pixels", out)
    assert found, out
    return float(found[1])


def check_answers(file: Path, run: Path) -> None:
    """See that all outputs for an image are what the classifier says of it."""
    classifier, pixels = Classifier.load(run, device="cpu"), image()
    found = open_exported(file)(pixels)
    assert list(found) == ["probabilities", "map", "distance"]
    assert found["probabilities"] == pytest.approx(classifier.predict_proba([pixels])[0], abs=1e-4)
    explanation = classifier.explain(pixels)
    seen = explanation.seen(explanation.best)
    assert found["map"].shape == (299, 299)
    assert abs(found["map"] - seen).max() < 1e-3 * abs(seen).max()
    assert found["distance"] == pytest.approx(classifier.distance(pixels).distance, rel=1e-3)


def metadata(file: Path) -> dict[str, str]:
    import onnx

    return {each.key: each.value for each in onnx.load(str(file)).metadata_props}


@pytest.fixture(scope="session")
def onnx_file(plain_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a model as ONNX in float32, which the command has checked."""
    file = tmp_path_factory.mktemp("onnx") / "model.onnx"
    assert main(["export", str(plain_run), "--output", str(file), "--quiet"]) == 0
    return file


def test_an_onnx_file_answers_as_the_classifier_does(onnx_file: Path, plain_run: Path) -> None:
    check_answers(onnx_file, plain_run)


def test_an_onnx_file_takes_any_number_of_images_of_any_one_size(onnx_file: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_file)
    for size in ((1, 1), (40, 300), (300, 40)):
        pixels = image(size=size)
        alone = session.run(["probabilities"], {"image": pixels[None]})[0]
        for count in (1, 3):
            found = session.run(None, {"image": numpy.stack([pixels] * count)})
            assert [len(each) for each in found] == [count] * 3
            assert found[0] == pytest.approx(numpy.repeat(alone, count, axis=0), abs=1e-4)


def test_an_onnx_file_says_what_it_is(onnx_file: Path, plain_run: Path) -> None:
    about, model = metadata(onnx_file), Classifier.load(plain_run).model
    assert json.loads(about["names"]) == {"0": "blue", "1": "green", "2": "red"}
    assert (about["task"], about["imgsz"]) == ("classify", "[299, 299]")
    assert about["Image.BitmapPixelFormat"] == "Rgb8"
    assert about["weights_sha256"] == model.record.fingerprint
    assert about["weights_source"] == "plain.pth"
    assert json.loads(about["preprocessing"])["resize"] == "squash"
    assert {float(share) for share in json.loads(about["coverage"])} == {0.9, 0.95}
    assert model.space is not None
    assert json.loads(about["distance_threshold"]) == model.space.threshold(0.05)
    left_out = json.loads(about["distances_left_out"])
    assert left_out["count"] == model.space.judged == len(left_out["distances"])
    import onnx

    content = onnx.load(str(onnx_file))
    names = [[each.dim_param for each in value.type.tensor_type.shape.dim] for value in (
        *content.graph.input, *content.graph.output)]  # fmt: skip
    assert names[0][:3] == ["images", "height", "width"]
    assert {each[0] for each in names[1:]} == {"images"}
    # Neither where the package lies nor where the weights do is anybody's concern.
    assert str(Path(__file__).parents[2]).encode() not in onnx_file.read_bytes()
    assert str(plain_run.parent.parent).encode() not in onnx_file.read_bytes()


def test_fp16_takes_half_the_room(onnx_file: Path, plain_run: Path, export: Export) -> None:
    half = onnx_file.with_name("half.onnx")
    status, out, _ = export(plain_run, "--output", half, "--precision", "fp16")
    assert status == 0
    assert largest_difference(out) < 0.02
    assert 0.5 < half.stat().st_size / onnx_file.stat().st_size < 0.55
    assert metadata(half) == metadata(onnx_file)


def test_int8_takes_a_quarter(onnx_file: Path, plain_run: Path, export: Export) -> None:
    small = onnx_file.with_name("int8.onnx")
    status, out, _ = export(plain_run, "--output", small, "--precision", "int8")
    assert status == 0
    assert "int8: ranges are taken from" in out
    assert "best class changed: 0 of" in out
    assert 0.25 < small.stat().st_size / onnx_file.stat().st_size < 0.32
    assert metadata(small) == metadata(onnx_file)
    left = {each.name for each in small.parent.iterdir()}
    assert left <= {"half.onnx", "int8.onnx", "model.onnx"}


def test_an_openvino_model_answers_as_the_classifier_does(
    plain_run: Path, tmp_path: Path, export: Export
) -> None:
    openvino = pytest.importorskip("openvino")
    file = tmp_path / "deep" / "model.xml"
    status, out, _ = export(plain_run, "--format", "openvino", "--output", file)
    assert status == 0
    assert largest_difference(out) <= 1e-4
    assert sorted(each.name for each in file.parent.iterdir()) == ["model.bin", "model.xml"]
    check_answers(file, plain_run)
    about: Any = openvino.Core().read_model(file).get_rt_info(["model_info"])
    said = {name: about[name] for name in ("model_type", "labels", "task")}
    assert said == {"model_type": "Classification", "labels": "blue green red", "task": "classify"}


def test_a_torch_file_needs_nothing_of_this_package(
    plain_run: Path, tmp_path: Path, export: Export
) -> None:
    file = tmp_path / "model.pt2"
    status, out, _ = export(plain_run, "--format", "torch", "--output", file)
    assert status == 0
    assert largest_difference(out) <= 1e-4
    check_answers(file, plain_run)
    extra = {"torch_inception.json": ""}
    module: Any = torch.export.load(file, extra_files=extra).module()
    assert json.loads(json.loads(extra["torch_inception.json"])["names"])["2"] == "red"
    several = torch.from_numpy(numpy.stack([image(), image()]))
    assert module(several)["probabilities"].shape == (2, 3)
    assert str(Path(__file__).parents[2]).encode() not in file.read_bytes()


def test_a_bundle_answers_where_there_are_no_weights(
    colours: Path,
    run: Path,
    random_weights: Path,
    tmp_path: Path,
    export: Export,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = Path(shutil.copy(random_weights, tmp_path / "weights.pth"))
    trained = train_classifier(colours, output=run, weights=weights, report=False)
    expected = trained.classifier.predict_proba(image())
    half = tmp_path / "half.pt"
    limits = {run / "bundle.pt": 0.0, half: 0.02}
    for flags in ([], ["--precision", "fp16", "--output", half]):
        status, out, _ = export(run, "--format", "bundle", *flags)
        assert status == 0
        assert largest_difference(out) <= max(limits.values())
    assert 0.5 < half.stat().st_size / (run / "bundle.pt").stat().st_size < 0.55
    weights.unlink()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "elsewhere"))
    with pytest.raises(WeightsError, match="torch-inception export RUN --format bundle"):
        Classifier.load(run)
    for file, limit in limits.items():
        found = Classifier.load(file, device="cpu").predict_proba(image())
        assert abs(found - expected).max() <= limit


@pytest.mark.parametrize(
    ("form", "command"),
    [
        ("bundle", "torch-inception predict --model '{}' IMAGE"),
        ("web", "python -m http.server -d '{}'"),
    ],
)
def test_the_next_step_can_be_copied_whatever_the_path(
    plain_run: Path, tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch,
    form: str, command: str,
) -> None:  # fmt: skip
    def write(file: Path, *_: object) -> None:
        file.write_bytes(b"")

    monkeypatch.setattr(export_model, "_write_and_compare", write)
    files = dict.fromkeys(RUNTIME_FILES, b"")
    monkeypatch.setattr(export_model, "load_browser_runtime", lambda: files)
    output = tmp_path / "two words.pt"
    status, out, _ = export(plain_run, "--format", form, "--output", output)
    assert status == 0
    assert f"  {command.format(output)}\n" in out


def test_a_file_that_answers_otherwise_is_not_left_there_unless_that_is_wanted(
    plain_run: Path, tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "EQUAL_PIXELS_LIMIT", -1)
    flags = (plain_run, "--format", "torch", "--output", tmp_path / "out" / "model.pt2")
    status, _, err = export(*flags)
    assert status == 1
    assert "error: the file is not written: from equal pixels, -1 is the limit for fp32" in err
    assert list((tmp_path / "out").iterdir()) == []
    status, _, err = export(*flags, "--force")
    assert status == 0
    assert "WARNING: --force: from equal pixels, -1 is the limit for fp32" in err
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["model.pt2"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--output", "model.txt"], "does not end in .onnx"),
        (["--format", "openvino", "--output", "model.onnx"], "does not end in .xml"),
        (["--format", "bundle", "--output", "model"], "does not end in .pt"),
    ],
)
def test_what_cannot_be_written_is_told_at_once(
    plain_run: Path, export: Export, flags: list[str], told: str
) -> None:
    before = sorted(plain_run.iterdir())
    status, _, err = export(plain_run, *flags)
    assert status == 1
    assert told in err
    assert "Traceback" not in err
    assert sorted(plain_run.iterdir()) == before


@pytest.mark.parametrize(
    ("form", "precision", "told"),
    [
        ("torch", "fp16", "must be fp32 for the format torch"),
        ("bundle", "int8", "must be fp32 or fp16 for a bundle"),
    ],
)
def test_a_format_has_not_every_precision(
    form: str, precision: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["export", "run", "--format", form, "--precision", precision])
    assert told in capsys.readouterr().err


def test_a_missing_package_is_named_with_the_extra_that_has_it(
    plain_run: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    status, _, err = export(plain_run)
    assert status == 1
    assert 'pip install "torch-inception[export]"' in err


def test_a_file_that_nothing_was_compared_with_is_told_with_the_cure(
    plain_run: Path, tmp_path: Path, export: Export
) -> None:
    (tmp_path / "model.pt").write_bytes((plain_run / "model.pt").read_bytes())
    status, out, err = export(tmp_path, "--format", "bundle")
    assert status == 0
    assert "check:" not in out
    assert "Run the command from the folder that training was run from." in err


def test_int8_needs_training_images(plain_run: Path, tmp_path: Path, export: Export) -> None:
    (tmp_path / "model.pt").write_bytes((plain_run / "model.pt").read_bytes())
    status, _, err = export(tmp_path, "--precision", "int8")
    assert status == 1
    assert "needs 32 training images of the run" in err
    assert "and 0 can be read" in err
