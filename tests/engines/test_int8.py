"""The network in 8-bit integers, quantised once for all tests here."""

import dataclasses
import logging
import pickle
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image, ImageDraw

from tests.drawings import landscape
from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.openvino.engine import OpenVinoEngine
from torch_inception.engines.openvino.int8 import Quantisation, int8_engine, load_int8_engine
from torch_inception.engines.openvino.runtime import has_instructions
from torch_inception.engines.protocol import Rows
from torch_inception.errors import ConfigError
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.network import COLUMNS
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


class Images:
    """A sample: the images of these numbers, whose digests are the numbers."""

    def __init__(self, numbers: Sequence[int], *, known: Sequence[int] = ()) -> None:
        self.numbers, self.known = numbers, known

    def known_digests(self) -> set[str]:
        return {f"{number:064x}" for number in self.known}

    def read(self, count: int) -> list[tuple[str, Pixels]]:
        return [(f"{number:064x}", pixels(number)[0]) for number in self.numbers[:count]]


@dataclasses.dataclass(frozen=True)
class Made:
    """A quantised network and what it was made from."""

    float32: CpuEngine
    cache: Path
    engine: OpenVinoEngine
    quantisation: Quantisation


@pytest.fixture(scope="session")
def made(real_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    cache = tmp_path_factory.mktemp("int8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(real_cache))
        float32 = CpuEngine(load_weights("npm:nsfwjs"), device=torch.device("cpu"))
        patch.setenv(CACHE_VARIABLE, str(cache))
        engine, quantisation = int8_engine(float32, Preprocessing(), Images(range(COUNT)))
    return Made(float32, cache, engine, quantisation)


@pytest.fixture
def files(made: Made, own_cache: Path) -> list[Path]:
    """Copy what is kept to the test's own cache; return the files."""
    shutil.copytree(made.cache / "networks", own_cache / "networks")
    return sorted(file for file in (own_cache / "networks").rglob("*") if file.is_file())


def rows(engine: CpuEngine | OpenVinoEngine, images: list[Pixels]) -> Rows:
    session = engine.session()
    return numpy.concatenate([session(images[i : i + 4]).copy() for i in range(0, len(images), 4)])


def kept(made: Made) -> tuple[OpenVinoEngine, Quantisation] | None:
    return load_int8_engine(made.engine.arithmetic, made.float32.record)


def test_its_features_are_nearly_those_of_float32(made: Made) -> None:
    assert len(made.quantisation.digests) == COUNT - 16
    assert made.quantisation.held_back == 16
    assert made.quantisation.mean_cosine > 0.99
    assert made.quantisation.lowest_cosine > 0.97
    # Images that it has not seen, neither to be quantised on nor to be checked on.
    unseen = pixels(*range(1000, 1016))
    exact, found = (torch.from_numpy(rows(e, unseen)) for e in (made.float32, made.engine))
    for layer in COLUMNS.values():
        cosines = torch.nn.functional.cosine_similarity(exact[:, layer], found[:, layer], dim=1)
        assert float(cosines.mean()) > 0.99
    lengths = found.norm(dim=1) / exact.norm(dim=1)
    assert float((lengths - 1).abs().max()) < 0.1
    assert found.dtype == torch.float32
    assert not torch.equal(found, exact)


@pytest.mark.usefixtures("files")
def test_the_kept_network_gives_the_same_rows_bit_for_bit(made: Made) -> None:
    found = kept(made)
    assert found is not None
    engine, quantisation = found
    assert quantisation == made.quantisation
    assert engine.identity == made.engine.identity
    assert engine.arithmetic == f"int8 {quantisation.key}"
    images = pixels(0, 1, 2, 3, 1001)
    assert numpy.array_equal(rows(engine, images), rows(made.engine, images))


def test_a_pickled_copy_is_as_large_as_the_network_and_gives_the_same_rows(made: Made) -> None:
    content = pickle.dumps(made.engine)
    parameters = sum(values.numel() for values in made.float32.parameters())
    # A byte for each, and the description of the network.
    assert parameters < len(content) < 1.1 * parameters + 2**20
    copy = pickle.loads(content)
    assert copy.identity == made.engine.identity
    images = pixels(0, 1, 2, 3, 1001)
    assert numpy.array_equal(rows(copy, images), rows(made.engine, images))


def test_a_row_depends_neither_on_its_batch_nor_on_its_thread(made: Made) -> None:
    images = pixels(0, 1, 2, 3)
    together = rows(made.engine, images)
    alone = numpy.concatenate([rows(made.engine, [image]) for image in images])
    assert numpy.array_equal(together, alone)
    assert numpy.array_equal(rows(made.engine, images[::-1])[::-1], together)
    with ThreadPoolExecutor(3) as pool:
        several = list(pool.map(lambda _: made.engine.session()(images), range(6)))
    assert all(numpy.array_equal(each, together) for each in several)


def test_a_kept_network_that_is_damaged_is_told_of_and_not_used(
    made: Made, files: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    assert len(files) == 3
    for file in files:
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
        assert kept(made) is None
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert "is damaged" in record.getMessage()
        assert "is not used" in record.getMessage()
        caplog.clear()
        file.write_bytes(content)
    assert kept(made) is not None


@pytest.mark.usefixtures("files")
def test_the_kept_network_is_not_that_of_the_same_weights_with_another_pooling(made: Made) -> None:
    record = made.float32.record
    assert load_int8_engine(made.engine.arithmetic, record) is not None
    other = record.pooling_as("tensorflow-2015")
    assert load_int8_engine(made.engine.arithmetic, other) is None


@pytest.mark.usefixtures("files")
def test_the_same_images_in_any_order_get_the_kept_network(made: Made) -> None:
    numbers = [*reversed(range(COUNT - 16)), *range(COUNT - 16, COUNT)]
    engine, quantisation = int8_engine(made.float32, Preprocessing(), Images(numbers))
    assert engine.identity == made.engine.identity
    assert quantisation == made.quantisation


NO_IMAGES: list[int] = []


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("seen", ["known", "read"])
def test_an_earlier_network_stays_while_half_of_its_images_are_there(seen: str, made: Made) -> None:
    def with_images(count: int) -> Quantisation:
        there = range(count)
        sample = Images(NO_IMAGES, known=there) if seen == "known" else Images(there)
        return int8_engine(made.float32, Preprocessing(), sample, earlier=made.engine.arithmetic)[1]

    for count in (44, 22):
        assert with_images(count) == made.quantisation
    # A new one is to be made, and there are not enough images.
    with pytest.raises(ConfigError, match="needs 48"):
        with_images(21)


@pytest.mark.usefixtures("files")
def test_an_earlier_network_for_another_preprocessing_is_not_taken(made: Made) -> None:
    sample = Images(NO_IMAGES, known=range(COUNT))
    with pytest.raises(ConfigError, match="needs 48"):
        int8_engine(made.float32, Preprocessing("pad"), sample, earlier=made.engine.arithmetic)


def test_a_network_that_cannot_be_kept_has_an_identity_of_its_own(
    made: Made, own_cache: Path, long: bool, caplog: pytest.LogCaptureFixture
) -> None:
    if not long:
        pytest.skip("part of the long form: it quantises once more")
    own_cache.mkdir()
    (own_cache / "networks").write_bytes(b"a file in the folder's place")
    engine, quantisation = int8_engine(made.float32, Preprocessing(), Images(range(1, COUNT)))
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "cannot be kept" in warnings[0]
    # Its rows are kept under this.
    assert engine.arithmetic == f"int8 {quantisation.key}"
    assert engine.identity != made.engine.identity
