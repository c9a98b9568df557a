"""The network in 8-bit integers for a data set: quantised on a sample of it, checked, and kept."""

import hashlib
import importlib.metadata
import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy

from torch_inception.engines.openvino.engine import OpenVinoEngine
from torch_inception.engines.openvino.quantisation import INT8, quantise
from torch_inception.engines.openvino.runtime import check_processor, import_openvino
from torch_inception.engines.openvino.store import cache_network, load_cached_network
from torch_inception.engines.protocol import Engine, Rows
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.errors import ConfigError
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.network import COLUMNS
from torch_inception.system.threads import one_thread
from torch_inception.weights.record import WeightsRecord

log = logging.getLogger(__name__)

MOST_IMAGES, FEWEST_IMAGES = 64, 32
"""How many images a network is quantised on."""

HELD_BACK = 16
"""Further images, on which its features are compared with those of float32."""

LEAST_AGREEMENT = 0.99
"""Mean cosine between both in any layer, under which the network is refused."""

FORMAT = 3
"""Number of the layout of a kept network, and of the way in which it is made."""


class ImageSample(Protocol):
    """Images of the data set, to quantise on."""

    def known_digests(self) -> set[str]:
        """Return the SHA-256, in hexadecimal, of contents of the data set that are known so far."""

    def read(self, count: int) -> list[tuple[str, Pixels]]:
        """Return (SHA-256 in hexadecimal, (299, 299, 3) uint8) of that many images, or of all."""


@dataclass(frozen=True)
class Quantisation:
    """What an 8-bit network was made from, and how good it is.

    Attributes:
        key: SHA-256, in hexadecimal, of all that decides what the network is.
        space: the weights and the preprocessing that it is for.
        digests: SHA-256, in hexadecimal, of the images that it was quantised on.
        held_back: number of further images, on which both networks were compared.
        mean_cosine: between its features and float32's on those images, in the layer where it is
            lowest.
        lowest_cosine: of all these cosines.
    """

    key: str
    space: str
    digests: list[str]
    held_back: int
    mean_cosine: float
    lowest_cosine: float

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"quantised on {len(self.digests)} images; on {self.held_back} others its "
            f"features have a mean cosine of {self.mean_cosine:.4f} or more to those of float32 "
            f"in each layer, the lowest is {self.lowest_cosine:.4f}"
        )

    def shares(self, digests: Collection[str]) -> bool:
        """Tell whether half of its images are among these."""
        return 2 * len(set(self.digests).intersection(digests)) >= len(self.digests)


def int8_engine(
    float32: TorchEngine, preprocessing: Preprocessing, sample: ImageSample, *, earlier: str = ""
) -> tuple[OpenVinoEngine, Quantisation]:
    """Return the 8-bit network for a data set: the kept one, or a new one, which is kept.

    Args:
        float32: the network in float32.
        preprocessing: how an image becomes 299 x 299.
        sample: images of the data set.
        earlier: arithmetic of an earlier run, whose network stays if half of the images that it
            was quantised on are still there: so that added images do not make all rows be
            computed again.

    Raises:
        ConfigError: the processor would be slow, or features are not those of float32.
        InstallationError: OpenVINO or NNCF is not installed.
    """
    check_processor()
    space = f"{float32.identity} {preprocessing.identity}"
    found = load_int8_engine(earlier, float32.record)
    if found is not None and found[1].space != space:
        found = None
    if found is not None and found[1].shares(sample.known_digests()):
        return found
    images = sample.read(MOST_IMAGES + HELD_BACK)
    if found is not None and found[1].shares([digest for digest, _ in images]):
        return found
    _check_number(len(images))
    chosen, held_back = images[:-HELD_BACK], images[-HELD_BACK:]
    digests = sorted(digest for digest, _ in chosen)
    key = _key(space, digests)
    found = load_int8_engine(f"{INT8} {key}", float32.record)
    if found is not None:
        return found
    log.info("int8: quantising on %d images; this takes some seconds, once", len(chosen))
    engine = quantise(float32, [image for _, image in chosen])
    cosines = _cosines(float32, engine, [image for _, image in held_back])
    quantisation = Quantisation(
        key, space, digests, HELD_BACK, float(cosines.mean(axis=1).min()), float(cosines.min())
    )
    check_agreement(quantisation)
    cache_network(_name(key), engine, {"format": FORMAT, **asdict(quantisation)})
    # From the file, so that this run computes what later ones will.
    found = load_int8_engine(f"{INT8} {key}", float32.record)
    return found or (_renamed(engine, f"{INT8} {key}"), quantisation)


def check_agreement(quantisation: Quantisation) -> None:
    """Do nothing if a network's features are nearly those of float32.

    Raises:
        ConfigError: they are not.
    """
    if quantisation.mean_cosine < LEAST_AGREEMENT:
        raise ConfigError(
            f"precision 'int8' is refused: {quantisation}, and {LEAST_AGREEMENT} is the least. "
            "Use --precision fp32."
        )


def _check_number(count: int) -> None:
    if count < FEWEST_IMAGES + HELD_BACK:
        raise ConfigError(
            f"precision 'int8' needs {FEWEST_IMAGES + HELD_BACK} different images to be "
            f"quantised and checked on, and there are {count}. Use --precision fp32."
        )


def load_int8_engine(
    arithmetic: str, record: WeightsRecord
) -> tuple[OpenVinoEngine, Quantisation] | None:
    """Return the 8-bit network of an engine's `arithmetic`, or None where none is kept whole.

    Raises:
        ConfigError: the processor would be slow.
        InstallationError: OpenVINO is not installed.
    """
    kind, _, key = arithmetic.partition(" ")
    # The key names a file, and may come from a model that somebody else made.
    if kind != INT8 or not re.fullmatch("[0-9a-f]{64}", key):
        return None
    found = load_cached_network(_name(key), record, arithmetic=arithmetic)
    if found is None or found[1].pop("format", None) != FORMAT or found[1]["key"] != key:
        return None
    quantisation = Quantisation(**found[1])
    if not quantisation.space.startswith(f"{record.identity} "):
        return None  # the same weights with another pooling are another network
    check_processor()
    return found[0], quantisation


def _renamed(engine: OpenVinoEngine, arithmetic: str) -> OpenVinoEngine:
    return OpenVinoEngine(engine.model, engine.record, arithmetic=arithmetic)


def _name(key: str) -> str:
    return f"{INT8}-{key[:32]}"


def _key(space: str, digests: Sequence[str]) -> str:
    versions = []
    for package in ("openvino", "nncf"):
        import_openvino(package)
        versions.append(importlib.metadata.version(package))
    parts = [space, FORMAT, *versions, *digests]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def _cosines(one: Engine, other: Engine, images: Sequence[Pixels]) -> Rows:
    """Return the cosines (3, N) between two engines' features, for each layer and image."""
    with one_thread():
        ours, theirs = (
            numpy.concatenate([session(images[i : i + 1]).copy() for i in range(len(images))])
            for session in (one.session(), other.session())
        )
    return numpy.stack([_cosine(ours[:, layer], theirs[:, layer]) for layer in COLUMNS.values()])


def _cosine(ours: Rows, theirs: Rows) -> Rows:
    lengths = numpy.linalg.norm(ours, axis=1) * numpy.linalg.norm(theirs, axis=1)
    cosines: Rows = (ours * theirs).sum(axis=1) / numpy.maximum(lengths, 1e-12)
    return cosines
