"""The network in 8-bit integers, quantised once for all tests here."""

import dataclasses
import json
import logging
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image, ImageDraw
from torch_inception.engines.openvino.calibration import Calibration, calibrated_engine, kept_engine
from torch_inception.features.cache.digests import hash_files

from tests.drawings import landscape
from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.openvino import calibration as calibration_room
from torch_inception.engines.openvino.engine import OpenVinoEngine
from torch_inception.engines.openvino.quantisation import quantise
from torch_inception.engines.openvino.runtime import has_instructions
from torch_inception.engines.protocol import Rows
from torch_inception.errors import ConfigError
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.weights.load import load_weights

pytest.importorskip("openvino")
pytest.importorskip("nncf")
pytestmark = [
    pytest.mark.real_weights,
    pytest.mark.skipif(not has_instructions(), reason="the processor has no 8-bit instructions"),
]

COUNT = 60


def varied(number: int) -> Image.Image:
    """Draw a part of a landscape, a gradient, noise or shapes; each number another."""
    random = numpy.random.default_rng(number)
    width, height = random.integers(200, 400, 2).tolist()
    kind = number % 4
    if kind == 0:
        left, top = random.integers(0, 150, 2).tolist()
        return Image.fromarray(landscape(299)).crop((left, top, left + 140, top + 140))
    if kind == 1:
        ramps = [Image.linear_gradient("L").rotate(int(a)) for a in random.integers(0, 360, 3)]
        return Image.merge("RGB", ramps).resize((width, height))
    if kind == 2:
        coarse = random.integers(0, 256, (*random.integers(4, 60, 2), 3), dtype=numpy.uint8)
        return Image.fromarray(coarse).resize((width, height))
    image = Image.new("RGB", (width, height), tuple(random.integers(0, 256, 3).tolist()))
    canvas = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, size = random.integers(0, 300, 3).tolist()
        draw = canvas.ellipse if size % 2 else canvas.rectangle
        draw((x, y, x + size, y + size), fill=tuple(random.integers(0, 256, 3).tolist()))
    return image


def pixels(*numbers: int) -> list[Pixels]:
    return [Preprocessing()(varied(number)) for number in numbers]


@dataclasses.dataclass(frozen=True)
class Made:
    """A calibrated network and what it was made from."""

    backbone: CpuEngine
    paths: list[Path]
    cache: Path
    fresh: OpenVinoEngine
    engine: OpenVinoEngine
    calibration: Calibration


@pytest.fixture(scope="session")
def made(real_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("int8")
    paths = [folder / f"{number}.png" for number in range(COUNT)]
    for number, path in enumerate(paths):
        varied(number).save(path)
    fresh: list[OpenVinoEngine] = []

    def captured(backbone: CpuEngine, images: list[Pixels]) -> OpenVinoEngine:
        fresh.append(quantise(backbone, images))
        return fresh[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(real_cache))
        backbone = CpuEngine(load_weights("npm:nsfwjs"), device=torch.device("cpu"))
        patch.setenv(CACHE_VARIABLE, str(folder / "cache"))
        patch.setattr(calibration_room, "quantise", captured)
        engine, calibration = calibrated_engine(backbone, Preprocessing(), paths)
    return Made(backbone, paths, folder / "cache", fresh[0], engine, calibration)


@pytest.fixture
def files(made: Made, own_cache: Path) -> list[Path]:
    """Copy the kept network to the test's own cache; return its .bin, .json and .xml."""
    shutil.copytree(made.cache / "networks", own_cache / "networks")
    return sorted((own_cache / "networks").glob("*/*"))


@pytest.fixture
def no_quantising(monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: object) -> None:
        raise AssertionError("quantised anew")

    monkeypatch.setattr(calibration_room, "quantise", unwanted)


@pytest.fixture
def requantised(made: Made, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the shared network in the place of new ones; count the images of each."""
    counts: list[int] = []

    def shared(backbone: CpuEngine, images: list[Pixels]) -> OpenVinoEngine:
        counts.append(len(images))
        return OpenVinoEngine(made.fresh.model, backbone.record, arithmetic="int8 not kept")

    monkeypatch.setattr(calibration_room, "quantise", shared)
    return counts


def rows(engine: CpuEngine | OpenVinoEngine, images: list[Pixels]) -> Rows:
    before = torch.get_num_threads()
    try:
        session = engine.session()
        return numpy.concatenate(
            [session(images[i : i + 4]).copy() for i in range(0, len(images), 4)]
        )
    finally:
        torch.set_num_threads(before)


def kept(made: Made) -> tuple[OpenVinoEngine, Calibration] | None:
    return kept_engine(made.engine.arithmetic, made.backbone.record)


def test_its_features_are_nearly_those_of_float32(made: Made) -> None:
    assert len(made.calibration.digests) == COUNT - 16
    assert made.calibration.held_back == 16
    assert made.calibration.mean_cosine > 0.99
    assert made.calibration.lowest_cosine > 0.97
    # Images that it has not seen, neither to be calibrated nor to be checked.
    unseen = pixels(*range(1000, 1016))
    exact, found = (torch.from_numpy(rows(e, unseen)) for e in (made.backbone, made.engine))
    cosines = torch.nn.functional.cosine_similarity(exact, found, dim=1)
    assert float(cosines.mean()) > 0.99
    lengths = found.norm(dim=1) / exact.norm(dim=1)
    assert float((lengths - 1).abs().max()) < 0.1
    assert found.dtype == torch.float32
    assert not torch.equal(found, exact)


def test_the_kept_network_gives_the_same_rows_bit_for_bit(made: Made, files: list[Path]) -> None:
    found = kept(made)
    assert found is not None
    engine, calibration = found
    assert calibration == made.calibration
    assert engine.identity == made.engine.identity
    assert engine.arithmetic == f"int8 {calibration.key}"
    images = pixels(0, 1, 2, 3, 1001)
    assert numpy.array_equal(rows(engine, images), rows(made.engine, images))
    assert numpy.array_equal(rows(engine, images), rows(made.fresh, images))
    assert [file.suffix for file in files] == [".bin", ".json", ".xml"]


def test_a_row_depends_neither_on_its_batch_nor_on_its_thread(made: Made) -> None:
    images = pixels(0, 1, 2, 3)
    together = rows(made.engine, images)
    alone = numpy.concatenate([rows(made.engine, [image]) for image in images])
    assert numpy.array_equal(together, alone)
    assert numpy.array_equal(rows(made.engine, images[::-1])[::-1], together)
    with ThreadPoolExecutor(3) as pool:
        several = list(pool.map(lambda _: made.engine.session()(images), range(6)))
    assert all(numpy.array_equal(each, together) for each in several)


def flip(file: Path, share: float) -> None:
    content = bytearray(file.read_bytes())
    content[int(share * (len(content) - 1))] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("which", [".bin", ".xml", ".json"])
def test_a_flipped_byte_is_noticed(
    which: str, share: float, made: Made, files: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    (file,) = (file for file in files if file.suffix == which)
    flip(file, share)
    assert kept(made) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "is damaged" in record.getMessage()
    assert "is not used" in record.getMessage()


@pytest.mark.parametrize("which", [".bin", ".xml"])
def test_a_lost_or_shortened_file_is_noticed(
    which: str, made: Made, files: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    (file,) = (file for file in files if file.suffix == which)
    file.write_bytes(file.read_bytes()[:-1])
    assert kept(made) is None
    file.unlink()
    assert kept(made) is None
    assert ["is damaged" in record.getMessage() for record in caplog.records] == [True, True]


@pytest.mark.parametrize("name", ["key", "space", "digests", "mean_cosine", "held_back"])
def test_what_is_said_of_the_network_cannot_be_changed_unnoticed(
    name: str, made: Made, files: list[Path]
) -> None:
    (about,) = (file for file in files if file.suffix == ".json")
    description = json.loads(about.read_text())
    said = description["about"]
    value = said[name]
    said[name] = value[::-1] if isinstance(value, str | list) else 1
    about.write_text(json.dumps(description))
    assert said[name] != value
    assert kept(made) is None


@pytest.mark.usefixtures("files", "no_quantising")
def test_the_kept_network_is_not_that_of_the_same_weights_with_another_pooling(made: Made) -> None:
    record = made.backbone.record
    assert kept_engine(made.engine.arithmetic, record) is not None
    assert kept_engine(made.engine.arithmetic, record.pooling_as("tensorflow-2015")) is None


def test_the_same_images_get_the_kept_network(made: Made) -> None:
    engine, calibration = calibrated_engine(made.backbone, Preprocessing(), made.paths[::-1])
    assert engine.identity == made.engine.identity
    assert calibration == made.calibration


def other_images(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"other {number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        varied(5000 + number).resize((40, 40)).save(path)
    return paths


def calibrated_on(made: Made) -> Callable[[Path], bool]:
    """Return what tells whether an image is among those that were calibrated on."""
    digests = {bytes.fromhex(digest) for digest in made.calibration.digests}
    known, _ = hash_files(made.paths, FileIndex(made.cache), progress=False)
    return lambda path: known[path] in digests


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("there", "stays"), [(44, True), (22, True), (21, False), (0, False)])
def test_an_earlier_calibration_stays_while_half_of_its_images_do(
    there: int, stays: bool, made: Made, own_cache: Path, tmp_path: Path, requantised: list[int]
) -> None:
    calibrating = [path for path in made.paths if calibrated_on(made)(path)]
    assert len(calibrating) == 44
    paths = [*calibrating[:there], *other_images(tmp_path, 60)]
    hash_files(paths, FileIndex(own_cache), progress=False)
    engine, calibration = calibrated_engine(
        made.backbone, Preprocessing(), paths, earlier=made.engine.arithmetic
    )
    assert (calibration == made.calibration) is stays
    assert (engine.identity == made.engine.identity) is stays
    assert requantised == ([] if stays else [min(64, len(paths) - 16)])
    if not stays:
        assert kept_engine(engine.arithmetic, made.backbone.record) is not None


@pytest.mark.usefixtures("files")
def test_an_earlier_calibration_for_another_preprocessing_is_not_taken(
    made: Made, own_cache: Path, requantised: list[int]
) -> None:
    hash_files(made.paths, FileIndex(own_cache), progress=False)
    engine, _ = calibrated_engine(
        made.backbone, Preprocessing("pad"), made.paths, earlier=made.engine.arithmetic
    )
    assert requantised == [44]
    assert engine.identity != made.engine.identity


def test_a_network_that_is_too_far_off_is_refused_and_not_kept(
    made: Made, own_cache: Path, requantised: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration_room, "LEAST_AGREEMENT", 1.1)
    figure = f"mean cosine of {made.calibration.mean_cosine:.4f}"
    with pytest.raises(ConfigError, match=rf"refused.*{figure}.*1\.1 is the least.*--precision"):
        calibrated_engine(made.backbone, Preprocessing(), made.paths)
    assert requantised == [44]
    assert not (own_cache / "networks").exists()


def test_networks_that_cannot_be_kept_have_identities_of_their_own(
    made: Made,
    requantised: list[int],
    own_cache: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # A file is in the place of the folder that networks are kept in.
    own_cache.mkdir()
    (own_cache / "networks").touch()
    engines = [
        calibrated_engine(made.backbone, Preprocessing(), paths)[0]
        for paths in (made.paths, other_images(tmp_path, 50))
    ]
    assert requantised == [44, 34]
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert all("cannot be kept" in warning for warning in warnings)
    # Their rows are kept under these.
    assert engines[0].identity != engines[1].identity
