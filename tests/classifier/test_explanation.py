"""Answers taken apart: by hand on small maps, and exactly on the real network."""

import logging
from pathlib import Path

import numpy
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tests.drawings import landscape
from tests.fakes import MappingEngine
from tests.test_end_to_end import WEIGHTS, draw
from torch_inception import Classifier, train_classifier
from torch_inception.classifier.explanation import FIRST_CENTRE, STRIDE, Explanation, logit_maps
from torch_inception.config import Layers, Resize, Solver
from torch_inception.engines.protocol import Engine
from torch_inception.errors import ConfigError, ImageError
from torch_inception.heads.head import Head
from torch_inception.images.placement import placement
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import COLUMNS, LAYERS, ROW_SIZE, spatial_means
from torch_inception.system.cache_folder import CACHE_VARIABLE

SIDES = {"Mixed_6e": 17, "Mixed_7a": 8, "Mixed_7c": 8}


def empty_maps() -> dict[str, Tensor]:
    return {name: torch.zeros(LAYERS[name], side, side) for name, side in SIDES.items()}


def taken_apart(
    head: Head, maps: dict[str, Tensor], mean: Tensor | None = None, *, half: bool = False
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    row = spatial_means([each[None] for each in maps.values()])[0]
    return logit_maps(head, list(maps.values()), row.half() if half else row, mean)


def test_a_channel_of_the_last_layer_is_shared_out_as_its_map() -> None:
    maps = empty_maps()
    maps["Mixed_7c"][5, 2, 3], maps["Mixed_7c"][5, 0, 0] = 48, 16  # the mean is 1
    weight = torch.zeros(2, 2048)
    weight[0, 5] = 2
    logits, base, found = taken_apart(Head(weight, torch.tensor([7.0, -1])), maps)
    assert (logits.tolist(), base.tolist()) == ([9, -1], [7, -1])
    assert found.keys() == {"Mixed_7c"}
    expected = torch.zeros(2, 8, 8).double()
    expected[0, 2, 3], expected[0, 0, 0] = 1.5, 0.5
    assert torch.allclose(found["Mixed_7c"], expected)


def test_a_channel_under_the_root_adds_up_to_the_root() -> None:
    maps = empty_maps()
    maps["Mixed_7a"][9, 4, 4], maps["Mixed_7a"][9, 1, 7] = 12, 4  # the mean is 1/4, its root 1/2
    maps["Mixed_6e"][3] = 4  # the root is 2, over 289 places
    weight = torch.zeros(1, ROW_SIZE)
    weight[0, 768 + 9], weight[0, 3] = 8, 289
    logits, _, found = taken_apart(Head(weight, torch.zeros(1), "all"), maps)
    assert logits.tolist() == [4 + 578]
    assert (float(found["Mixed_7a"][0, 4, 4]), float(found["Mixed_7a"][0, 1, 7])) == (3, 1)
    assert torch.allclose(found["Mixed_6e"], torch.full((1, 17, 17), 2.0).double())
    assert found["Mixed_7c"].abs().max() == 0


def test_zero_is_the_average_image() -> None:
    maps = empty_maps()
    maps["Mixed_7c"][0] = 3
    weight = torch.zeros(1, 2048)
    weight[0, :2] = torch.tensor([1.0, 10])
    mean = torch.zeros(2048)
    mean[:2] = torch.tensor([2.0, 0.5])
    logits, base, found = taken_apart(Head(weight, torch.tensor([1.0])), maps, mean)
    assert (logits.tolist(), base.tolist()) == ([4], [1 + 2 + 5])
    assert torch.allclose(found["Mixed_7c"], torch.full((1, 8, 8), (3 - 7) / 64).double())


def test_the_rounding_of_rows_is_in_the_map() -> None:
    maps = empty_maps()
    maps["Mixed_7c"][0, 1, 1] = 64 * 1.0003  # float16 has 1 and 1.00098
    maps["Mixed_7c"][1, 2, 2] = 64 * 1e-9  # and 0 in place of 1e-9
    logits, _, found = taken_apart(Head(torch.ones(1, 2048), torch.zeros(1)), maps, half=True)
    assert logits.tolist() == [1]
    assert found["Mixed_7c"][0, 1, 1] == pytest.approx(1, abs=1e-12)
    assert found["Mixed_7c"][0, 2, 2] == 0


def test_places_lie_where_the_layers_of_the_network_look() -> None:
    # Kernel, stride and padding of each layer down to the map, as in torchvision's network.
    stem = [(3, 2, 0), (3, 1, 0), (3, 1, 1), (3, 2, 0), (1, 1, 0), (3, 1, 0), (3, 2, 0)]
    reduction = (3, 2, 0)
    for layer, kernels in {
        "Mixed_6e": [*stem, reduction],
        "Mixed_7a": [*stem, reduction, reduction],
        "Mixed_7c": [*stem, reduction, reduction],
    }.items():
        centre, stride = 0.0, 1
        for kernel, step, padding in kernels:
            centre += ((kernel - 1) / 2 - padding) * stride
            stride *= step
        assert (centre, stride) == (FIRST_CENTRE[layer], STRIDE[layer])


def explanation(
    layer: str, down: int, across: int, size: tuple[int, int] = (299, 299)
) -> Explanation:
    """Return one of a single class, for which a single place speaks."""
    maps = numpy.zeros((2, SIDES[layer], SIDES[layer]), numpy.float32)
    maps[0, down, across] = 5
    seen = placement(size, Preprocessing())
    zeros = numpy.zeros(2)
    return Explanation(
        ["a", "b"], zeros, zeros, {layer: maps}, numpy.zeros((299, 299, 3), "u1"), seen, zeros
    )


@pytest.mark.parametrize("layer", SIDES)
@pytest.mark.parametrize(("down", "across"), [(0, 3), (5, 7)])
def test_a_place_is_seen_around_its_centre_and_adds_up(layer: str, down: int, across: int) -> None:
    seen = explanation(layer, down, across).seen("a")
    assert seen.sum(dtype="f8") == pytest.approx(5, abs=1e-5)
    centre = [FIRST_CENTRE[layer] + STRIDE[layer] * place for place in (down, across)]
    assert list(numpy.unravel_index(seen.argmax(), seen.shape)) == centre
    assert (explanation(layer, down, across).seen("b", versus="a") == -seen).all()


def centre_of(values: NDArray[numpy.float32]) -> tuple[float, float]:
    """Return the centre of mass, across and down, in pixels."""
    total = values.sum(dtype="f8")
    return tuple(
        float((values.sum(axis=axis, dtype="f8") * (numpy.arange(side) + 0.5)).sum() / total)
        for axis, side in ((0, values.shape[1]), (1, values.shape[0]))
    )  # type: ignore[return-value]


@pytest.mark.parametrize("resize", ["squash", "crop", "pad", "tensorflow"])
@pytest.mark.parametrize("size", [(640, 400), (90, 120), (3, 2), (299, 299), (3000, 40)])
def test_what_the_network_sees_is_put_back_where_it_lies(
    resize: Resize, size: tuple[int, int]
) -> None:
    preprocessing = Preprocessing(resize)
    pixels = numpy.zeros((size[1], size[0], 3), numpy.uint8)
    width, height = max(1, size[0] // 10), max(1, size[1] // 10)
    left, top = (size[0] - width) // 2 + width, (size[1] - height) // 2
    pixels[top : top + height, left : left + width] = 255
    seen = preprocessing(Image.fromarray(pixels))[..., 0].astype(numpy.float32)
    if resize == "pad":
        blank = numpy.zeros_like(pixels)
        seen -= preprocessing(Image.fromarray(blank))[..., 0]
    found = placement(size, preprocessing).in_image(seen)
    assert found.shape == (size[1], size[0])
    if seen.sum() == 0:  # cropped away
        return
    assert found.sum(dtype="f8") == pytest.approx(seen.sum(dtype="f8"), rel=2e-3)
    across, down = centre_of(found)
    # A pixel of what the network sees is this wide in the image.
    tolerance = 1.0 * max(1, max(size) / 299)
    assert across == pytest.approx(left + width / 2, abs=tolerance)
    assert down == pytest.approx(top + height / 2, abs=tolerance)


def test_the_library_explains_whatever_stands_for_an_image(colours: Path, run: Path) -> None:
    classifier = train_classifier(colours, output=run, engine=MappingEngine()).classifier
    path = colours / "green" / "green_07.png"
    found = classifier.explain(path)
    assert found.best == "green"
    assert found.in_image("green").shape == (30, 27)
    assert found.score("green") == pytest.approx(classifier.predict_proba(path)[0, 1], abs=1e-4)
    for item in (path.read_bytes(), Image.open(path), numpy.asarray(Image.open(path))):
        assert (classifier.explain(item).logits == found.logits).all()
    with pytest.raises(ConfigError, match="no class 'pink'. The model has: blue, green, red"):
        found.seen("pink")
    with pytest.raises(ConfigError, match="no class ''"):
        found.seen("")
    with pytest.raises(ImageError, match="^image 0: .*empty"):
        classifier.explain(b"")
    with pytest.raises(TypeError, match="not list"):
        classifier.explain([path])  # type: ignore[arg-type]


# --- the real network


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained") / "patterns"
    # Other images than those of test_end_to_end, whose rows must not be in the cache yet.
    for kind in ("dots", "stripes"):
        (folder / kind).mkdir(parents=True)
        for number in range(12):
            draw(kind, 100 + number).save(folder / kind / f"{number}.png")
    return folder


@pytest.mark.real_weights
@pytest.mark.parametrize(
    ("layers", "solver", "resize"),
    [("all", "lda", "squash"), ("last", "lda", "crop"), ("all", "lbfgs", "pad")],
)
def test_maps_add_up_to_the_logits_of_the_real_network(
    layers: Layers,
    solver: Solver,
    resize: Resize,
    patterns: Path,
    tmp_path: Path,
    real_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    classifier = train_classifier(
        patterns, output=tmp_path, weights=WEIGHTS, layers=layers, solver=solver, resize=resize
    ).classifier
    for image in (patterns / "dots" / "3.png", landscape()[:200]):
        found = classifier.explain(image)
        total = found.base + sum(each.sum(axis=(1, 2), dtype="f8") for each in found.maps.values())
        assert abs(total - found.logits).max() < 1e-4
        expected = classifier.predict_proba(image)[0]
        scores = [found.score(label) for label in classifier.labels]
        assert numpy.log(scores) == pytest.approx(numpy.log(expected), abs=1e-4)
        for label, logit, base in zip(classifier.labels, found.logits, found.base, strict=True):
            assert found.seen(label).sum(dtype="f8") == pytest.approx(logit - base, abs=1e-4)


class WithoutMaps:
    """An engine as OpenVINO's: rows alone."""

    def __init__(self, engine: Engine) -> None:
        self.record, self.arithmetic, self.identity = engine.record, "other", engine.identity
        self.batch_size, self.workers, self.session = engine.batch_size, 1, engine.session


@pytest.mark.real_weights
def test_torch_stands_in_for_an_engine_without_maps(
    patterns: Path,
    tmp_path: Path,
    real_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    trained = train_classifier(patterns, output=tmp_path, weights=WEIGHTS).classifier
    other = Classifier(trained.model, WithoutMaps(trained.engine))
    path = patterns / "dots" / "1.png"
    with caplog.at_level(logging.INFO):
        found = other.explain(path)
    assert (found.logits == trained.explain(path).logits).all()
    assert "maps: torch stands in for other; its scores differ by 0.00000 at most" in caplog.text


@pytest.mark.real_weights
def test_imagenets_classes_are_explained_too(
    real_cache: Path, monkeypatch: pytest.MonkeyPatch, plain_weights: Path
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    assert set(COLUMNS) == set(SIDES)
    classifier = Classifier.imagenet(weights=plain_weights)
    found = classifier.explain(landscape())
    assert found.logits.shape == (1000,)
    assert found.maps["Mixed_7c"].shape == (1000, 8, 8)
