"""The commands as users run them, with real weights, on images that the test draws."""

import csv
import json
import os
import re
from pathlib import Path

import numpy
import pytest
import torch
import torchvision
from PIL import Image, ImageDraw

from tests.drawings import landscape
from tests.processes import COMMAND, run_python
from torch_inception import Classifier, FeatureExtractor, train_classifier
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.load import load_weights
from torch_inception.weights.sources import npm

pytestmark = pytest.mark.real_weights

WEIGHTS = "npm:nsfwjs"


def draw(kind: str, number: int) -> Image.Image:
    """Draw dots or stripes, of another colour, size and place for each number."""
    random = numpy.random.default_rng(number)
    image = Image.new("RGB", (120, 100), tuple(random.integers(150, 256, 3).tolist()))
    canvas, ink = ImageDraw.Draw(image), tuple(random.integers(0, 110, 3).tolist())
    step, shift = int(random.integers(18, 30)), int(random.integers(0, 15))
    for x in range(shift, 120, step):
        if kind == "stripes":
            canvas.rectangle((x, 0, x + step // 3, 100), fill=ink)
        else:
            for y in range(shift, 100, step):
                canvas.ellipse((x, y, x + step // 2, y + step // 2), fill=ink)
    return image


def draw_patterns(folder: Path, count: int) -> None:
    """Draw a data set of two classes, so many images each."""
    for kind in ("dots", "stripes"):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            draw(kind, number).save(folder / kind / f"{number}.png")


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "patterns"
    draw_patterns(folder, 12)
    (folder / "dots" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    return folder


def command(
    name: str, *arguments: str, cache: Path, stdin: str = "", **variables: str
) -> tuple[int, str, str]:
    """Run a command of the package; the variables are added to its environment."""
    environment = {**os.environ, CACHE_VARIABLE: str(cache), **variables}
    done = run_python(COMMAND, name, *arguments, environment=environment, stdin=stdin)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def run(patterns: Path, real_cache: Path) -> Path:
    """Train as a process, once for the tests below."""
    output = patterns.parent / "run"
    arguments = ["--data", str(patterns), "--output", str(output), "--weights", WEIGHTS]
    status, shown, complaints = command("train", *arguments, cache=real_cache)
    assert status == 0, complaints
    assert [line.split() for line in shown.splitlines()[1:3]] == [["dots", "13"], ["stripes", "12"]]
    assert complaints.count(npm.WHAT_IT_IS) == 1
    assert "features: 24 computed, 0 reused, 1 file skipped" in shown
    assert "broken.jpg" in complaints
    assert "Final test accuracy = " in shown
    return output


def test_a_second_run_reuses_every_feature_and_gives_the_same_model(
    run: Path, patterns: Path, real_cache: Path, tmp_path: Path
) -> None:
    again = ["--data", str(patterns), "--output", str(tmp_path / "again"), "--weights", WEIGHTS]
    status, shown, _ = command("train", *again, cache=real_cache)
    assert status == 0
    assert "features: 0 computed, 24 reused, 1 file skipped" in shown
    first = torch.load(run / "model.pt", weights_only=True)
    second = torch.load(tmp_path / "again" / "model.pt", weights_only=True)
    assert torch.equal(first["weight"], second["weight"])
    assert torch.equal(first["bias"], second["bias"])


def test_new_images_are_named_as_json_from_standard_input(
    run: Path, real_cache: Path, tmp_path: Path
) -> None:
    wanted = ["dots", "dots", "stripes", "stripes"]
    paths = [tmp_path / f"new image {number}.png" for number in range(4)]
    for number, (path, kind) in enumerate(zip(paths, wanted, strict=True)):
        draw(kind, 90 + number).save(path)
    arguments = ["--model", str(run), "-", "--format", "json", "--top", "1"]
    status, shown, _ = command(
        "predict", *arguments, cache=real_cache, stdin="".join(f"{path}\n" for path in paths)
    )
    assert status == 0
    answers = [json.loads(line) for line in shown.splitlines()]
    assert [answer["path"] for answer in answers] == [str(path) for path in paths]
    assert [answer["predictions"][0]["label"] for answer in answers] == wanted


def test_one_image_is_named_in_the_lines_of_the_original(
    run: Path, real_cache: Path, tmp_path: Path
) -> None:
    draw("dots", 80).save(tmp_path / "new.png")
    arguments = ["--model", str(run), str(tmp_path / "new.png")]
    status, shown, complaints = command("predict", *arguments, cache=real_cache)
    assert status == 0
    # Who trained the model was warned of its weights.
    assert npm.WHAT_IT_IS not in complaints
    line = re.compile(r"(dots|stripes) \(score = ([01]\.\d{5})\)\n")
    (first, high), (second, low) = line.findall(shown)
    assert (first, second) == ("dots", "stripes")
    assert float(high) + float(low) == pytest.approx(1, abs=2e-5)
    assert float(high) > 0.5


def test_prediction_gives_the_scores_of_training(
    run: Path, patterns: Path, real_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    classifier = Classifier.load(run)
    with (run / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        best = classifier.predict(patterns / row["path"])[0]
        assert best.label == row["prediction"]
        assert best.score == pytest.approx(float(row["score"]), abs=1e-6)


def test_a_run_is_evaluated_on_new_images(run: Path, real_cache: Path, tmp_path: Path) -> None:
    draw_patterns(tmp_path / "new", 3)
    draw("dots", 70).save(tmp_path / "new" / "stripes" / "wrong.png")
    arguments = [str(run), str(tmp_path / "new"), "--against", str(run)]
    status, shown, complaints = command("evaluate", *arguments, cache=real_cache)
    assert status == 0, complaints
    folder = run / "evaluation" / "new"
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"]: row["prediction"] for row in rows if "wrong" in row["path"]} == {
        "stripes": "dots"
    }
    right = sum(row["label"] == row["prediction"] for row in rows)
    assert f"Evaluation accuracy = {100 * right / 7:.1f}% (N=7)" in shown
    assert f"right by both {right}, " in shown
    # The first images of either kind are drawn as those of the training were.
    assert "was trained on" in complaints


def test_a_model_refuses_other_weights(
    run: Path, real_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    tensors = dict(load_weights(WEIGHTS).tensors)
    tensors["Mixed_7c.branch1x1.bn.bias"] = tensors["Mixed_7c.branch1x1.bn.bias"] + 1
    torch.save(tensors, tmp_path / "other.pth")
    status, _, complaints = command(
        "predict", "--model", str(run), "--weights", str(tmp_path / "other.pth"), "a.png",
        cache=real_cache,
    )  # fmt: skip
    assert status == 1
    assert "was trained with the weights npm:nsfwjs" in complaints
    assert "Traceback" not in complaints


def test_imagenet_naming_needs_weights_with_a_classifier(real_cache: Path) -> None:
    status, _, complaints = command("predict", "a.png", "--weights", WEIGHTS, cache=real_cache)
    assert status == 1
    assert "npm:nsfwjs: these weights have no ImageNet classifier" in complaints
    assert "Traceback" not in complaints


@pytest.mark.parametrize("size", [(299, 299), (640, 480), (300, 900)])
def test_imagenet_scores_are_those_of_torchvision(
    real_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    state = dict(load_weights(WEIGHTS).tensors)
    generator = torch.Generator().manual_seed(0)
    # Features are small here; weights of this size give logits of the size of ImageNet's.
    state["fc.weight"] = 10 * torch.randn(1000, 2048, generator=generator)
    state["fc.bias"] = torch.randn(1000, generator=generator)
    torch.save(state, tmp_path / "whole.pth")
    image = Image.fromarray(landscape()).resize(size)

    network = torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False)
    network.load_state_dict(state, strict=False)
    network.transform_input = True
    transforms = torchvision.models.Inception_V3_Weights.IMAGENET1K_V1.transforms()
    with torch.inference_mode():
        expected = torch.softmax(network.eval()(transforms(image)[None])[0], dim=0)

    classifier = Classifier.imagenet(weights=str(tmp_path / "whole.pth"))
    found = dict(classifier.predict(image, top=1000))
    assert len(set(classifier.labels)) == 999  # two classes are both called "crane"
    scores = torch.tensor(
        [found[label] for label in classifier.labels if label != "crane"], dtype=torch.float32
    )
    wanted = torch.tensor([label != "crane" for label in classifier.labels])
    assert float((scores - expected[wanted]).abs().max()) < 1e-5
    assert float(expected.max()) > 0.01


def test_features_of_paths_images_and_tensors_agree(
    real_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    image = Image.fromarray(landscape())
    image.save(tmp_path / "landscape.png")
    tensor = torch.from_numpy(landscape()).permute(2, 0, 1)
    rows = FeatureExtractor(weights=WEIGHTS)([tmp_path / "landscape.png", image, tensor])
    assert rows.shape == (3, 2048)
    assert rows.dtype == numpy.float32
    assert numpy.array_equal(rows[1], rows[2])
    assert numpy.array_equal(rows[0], rows[1].astype(numpy.float16).astype(numpy.float32))


def test_the_library_in_a_few_lines(
    patterns: Path, real_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    result = train_classifier(patterns, output=tmp_path / "run", weights=WEIGHTS)
    assert result.metrics["features"]["reused"] == 24
    assert result.metrics["network"]["source"] == WEIGHTS
    [best] = result.classifier.predict(draw("stripes", 77), top=1)
    assert best.label == "stripes"
