"""`predict` with an exported file answers as it does with the run that it was exported from."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from tests.drawings import draw_colours, landscape
from tests.fakes import FakeEngine
from torch_inception import Classifier, ExportedClassifier, train_classifier
from torch_inception.commands.predict import main
from torch_inception.config import Resize
from torch_inception.engines.protocol import Rows
from torch_inception.export.graph import ImageGraph
from torch_inception.export.metadata import describe
from torch_inception.export.onnx_file import write_onnx
from torch_inception.export.resize import ImageResize
from torch_inception.export.torch_program import export_program
from torch_inception.exported.session import placed
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.network import LAYERS, spatial_means

Predict = Callable[..., tuple[int, str, str]]


class ColourMaps(nn.Module):
    """Stands for the network: the first channels of its maps are red, green and blue, 0 to 1."""

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Map images (N, 3, 299, 299), 0 to 255, to the maps of `network.LAYERS`."""
        sizes = {"Mixed_6e": 17, "Mixed_7a": 37, "Mixed_7c": 37}
        return tuple(
            pad(avg_pool2d(pixels / 255, sizes[layer]), (0, 0, 0, 0, 0, channels - 3))
            for layer, channels in LAYERS.items()
        )


class ColourEngine(FakeEngine):
    """Runs `ColourMaps`."""

    def feature_maps(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Map images (B, 3, 299, 299) uint8 to the maps of `network.LAYERS`."""
        maps: tuple[Tensor, ...] = ColourMaps()(pixels.float())
        return maps

    def rows(self, images: Sequence[Pixels]) -> Rows:
        """Map images to rows."""
        batch = torch.from_numpy(numpy.stack(images)).permute(0, 3, 1, 2)
        return spatial_means(self.feature_maps(batch)).numpy()


class Pair(NamedTuple):
    """A run folder, and a file that was exported from it."""

    run: Path
    file: Path


def export(classifier: Classifier, run: Path) -> Pair:
    """Write a classifier of `ColourEngine` as a file."""
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    graph = ImageGraph(classifier.model, ColourMaps())  # type: ignore[arg-type]
    file = run / "model.onnx"
    write_onnx(export_program(graph), file, describe(classifier.model), graph.outputs)
    return Pair(run, file)


@pytest.fixture(scope="module")
def colour_pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Train on red, green and blue images."""
    folder = tmp_path_factory.mktemp("colour_pair")
    draw_colours(folder / "colours", count=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_INCEPTION_CACHE", str(folder / "cache"))
        run = train_classifier(
            folder / "colours",
            output=folder / "run",
            engine=ColourEngine(),
            report=False,
            threshold=["red=0.6", "blue=0.01"],
        )
    return export(run.classifier, folder / "run")


@pytest.fixture(scope="module")
def deep_pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Train on bright and dark images of 16 bits, which all have one range; they are cropped."""
    folder = tmp_path_factory.mktemp("deep_pair")
    for number in range(40):
        label = "dark" if number % 2 else "bright"
        (folder / "deep" / label).mkdir(parents=True, exist_ok=True)
        middle = (1500 if number % 2 else 2500) + 10 * number
        values = numpy.linspace(middle - 500, middle + 500, 31 * 50).reshape(50, 31)
        Image.fromarray(values.astype("u2")).save(folder / "deep" / label / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_INCEPTION_CACHE", str(folder / "cache"))
        run = train_classifier(
            folder / "deep", output=folder / "run", engine=ColourEngine(),
            intensity="1000,4000", resize="crop", near_duplicates="ignore", report=False,
        )  # fmt: skip
    return export(run.classifier, folder / "run")


@pytest.fixture
def predict(capsys: pytest.CaptureFixture[str]) -> Predict:
    """Give a function that runs the command and returns (status, out, err)."""

    def call(model: Path, *arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        flags = ["--model", str(model), *map(str, arguments), "--quiet"]
        return main(flags, engine=ColourEngine()), *capsys.readouterr()

    return call


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Make a folder of images that are decoded in different ways, and of a bad one."""
    folder = tmp_path / "images"
    (folder / "deeper").mkdir(parents=True)
    scene = Image.fromarray(landscape(1400))  # it is decoded at a half of its size
    scene.save(folder / "large.jpg")
    scene.resize((300, 210)).rotate(90).save(folder / "gif.gif")
    exif = Image.Exif()
    exif[0x0112] = 6
    scene.resize((300, 210)).save(folder / "deeper" / "on its side.jpg", exif=exif)
    Image.new("RGBA", (20, 20), (200, 0, 0, 90)).save(folder / "see-through.png")
    Image.fromarray(numpy.linspace(900, 5000, 40 * 30).reshape(40, 30).astype("u2")).save(
        folder / "deep.png"
    )
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return folder


def answers(out: str) -> dict[str, dict[str, Any]]:
    return {each["path"]: each for each in map(json.loads, out.splitlines())}


def check_alike(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """See that an answer has the same keys and, within the limits of export, the same values."""
    assert list(ours) == list(theirs)
    assert [each["label"] for each in ours["predictions"]] == [
        each["label"] for each in theirs["predictions"]
    ]
    for one, other in zip(ours["predictions"], theirs["predictions"], strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=1e-4)
    if theirs["distance"] is not None:
        assert ours["distance"] == pytest.approx(theirs["distance"], rel=1e-3)
    same = ["path", "error", "known", "threshold", *(["set"] if "set" in ours else [])]
    assert [ours[name] for name in same] == [theirs[name] for name in same]


def test_it_answers_as_the_run_does(colour_pair: Pair, images: Path, predict: Predict) -> None:
    flags = (images, "--format", "json", "--coverage", "0.9", "--false-rejection", "0.2")
    (theirs, their_out, their_err), (status, out, err) = (
        predict(model, *flags) for model in colour_pair
    )
    assert (status, err) == (theirs, their_err)
    assert status == 1
    found, expected = answers(out), answers(their_out)
    assert list(found) == list(expected)
    assert len(found) == 6
    for path, answer in found.items():
        check_alike(answer, expected[path])


def test_one_image_is_answered_alike_in_every_format(
    colour_pair: Pair, images: Path, predict: Predict
) -> None:
    image = images / "large.jpg"
    for flags in (["--format", "text"], ["--format", "csv", "--top", "1"]):
        theirs, ours = (predict(model, image, *flags) for model in colour_pair)
        assert ours[0] == theirs[0] == 0
        assert len(ours[1].splitlines()) == len(theirs[1].splitlines())
        assert ours[1].splitlines()[0] == theirs[1].splitlines()[0]
    expected, found = (
        answers(predict(model, image, "--format", "json")[1]) for model in colour_pair
    )
    check_alike(found[str(image)], expected[str(image)])


def test_its_map_is_that_of_the_classifier(colour_pair: Pair, images: Path) -> None:
    image = images / "large.jpg"
    ours = ExportedClassifier.load(colour_pair.file).explain(image)
    theirs = Classifier.load(colour_pair.run, engine=ColourEngine()).explain(image)
    assert ours.best == theirs.best
    seen = theirs.seen(theirs.best)
    assert abs(ours.seen(ours.best) - seen).max() < 1e-3 * abs(seen).max()
    assert numpy.array_equal(ours.pixels, theirs.pixels)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--neighbours", "2"], "does not have the training images. Name the run folder"),
        (["--explain", "maps", "--explain-class", "red"], "map of each image's best class alone"),
        (["--explain", "maps", "--explain-versus", "red"], "map of each image's best class alone"),
        (["--weights", "imagenet"], "has its network in it"),
        (["--pooling", "tensorflow"], "has its network in it"),
        (["--device", "cpu"], "has its network in it"),
        (["--coverage", "0.8"], "must be 0.9 or 0.95"),
    ],
)
def test_what_a_file_does_not_have_is_refused(
    predict: Predict, flags: list[str], told: str, tmp_path: Path
) -> None:
    try:
        status, _, err = predict(tmp_path / "model.onnx", "image.jpg", *flags)
    except SystemExit as error:  # of a value that no model takes
        assert error.code == 2
        return
    assert status == 1
    assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("resize", ["squash", "crop", "pad", "tensorflow"])
def test_the_resize_of_a_graph_leaves_what_the_network_sees(resize: Resize) -> None:
    preprocessing = Preprocessing(resize)
    pixels = preprocessing(Image.fromarray(landscape(500)).resize((500, 410)))
    image = torch.from_numpy(placed(pixels, preprocessing).copy()).permute(2, 0, 1)[None].float()
    assert numpy.array_equal(ImageResize(resize)(image)[0].permute(1, 2, 0).numpy(), pixels)


def test_deep_images_are_answered_as_the_run_does(
    deep_pair: Pair, images: Path, predict: Predict
) -> None:
    theirs, ours = (
        predict(model, images, images.parent / "gone.png", "--format", "json")
        for model in deep_pair
    )
    assert ours[0] == theirs[0] == 1
    assert ours[2] == theirs[2]
    assert "outside the range 1000 to 4000" in ours[2]
    found, expected = answers(ours[1]), answers(theirs[1])
    assert list(found) == list(expected)
    for path, answer in found.items():
        check_alike(answer, expected[path])
