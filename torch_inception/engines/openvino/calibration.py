"""The engine in 8-bit integers for a set of images: calibrated on them, checked, and kept."""

import hashlib
import importlib.metadata
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy

from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.openvino.engine import OpenVinoEngine
from torch_inception.engines.openvino.quantisation import INT8, quantise
from torch_inception.engines.openvino.runtime import check_processor, import_extra
from torch_inception.engines.openvino.store import keep, kept
from torch_inception.engines.protocol import Engine, Rows
from torch_inception.errors import ConfigError, ImageError
from torch_inception.features.cache.digests import hash_files, remembered_digests
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.images.decode import decode
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.images.read import read_file
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.cores import usable_cores
from torch_inception.system.threads import threads_restored
from torch_inception.weights.record import WeightsRecord

log = logging.getLogger(__name__)

MOST_IMAGES, FEWEST_IMAGES = 64, 32
"""How many images a network is calibrated on."""

HELD_BACK = 16
"""Further images, on which its features are compared with those of float32."""

LEAST_AGREEMENT = 0.99
"""Mean cosine between both, under which the network is refused."""

FORMAT = 1
"""Number of the layout of a kept network, and of the way in which it is made."""


@dataclass(frozen=True)
class Calibration:
    """What an 8-bit network was made from, and how good it is.

    Attributes:
        key: SHA-256, in hexadecimal, of all that decides what the network is.
        space: the weights and the preprocessing that it is for.
        digests: SHA-256, in hexadecimal, of the images that it was calibrated on.
        held_back: number of further images, on which both networks were compared.
        mean_cosine: between its features and float32's, on those images.
        lowest_cosine: of these images' cosines.
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
            f"calibrated on {len(self.digests)} images; on {self.held_back} others its "
            f"features have a mean cosine of {self.mean_cosine:.4f} to those of float32, the "
            f"lowest {self.lowest_cosine:.4f}"
        )


def calibrated_engine(
    backbone: CpuEngine, preprocessing: Preprocessing, paths: Sequence[Path], *, earlier: str = ""
) -> tuple[OpenVinoEngine, Calibration]:
    """Return the 8-bit network for a set of images: the kept one, or a new one, which is kept.

    Args:
        backbone: in float32.
        preprocessing: how an image becomes 299 x 299.
        paths: of all images; some are chosen by the hash of their names.
        earlier: arithmetic of an earlier run, whose calibration stays if half of its images
            are among these: so that added images do not make all rows be computed again.

    Raises:
        ConfigError: what it needs is missing, or its features are not those of float32.
    """
    check_processor()
    index = FileIndex(cache_folder())
    space = f"{backbone.identity} {preprocessing.identity}"
    found = kept_engine(earlier, backbone.record)
    if found is not None and found[1].space == space and _shares_images(found[1], paths, index):
        return found
    sample = _sample(preprocessing, paths)
    chosen, held_back = sample[:-HELD_BACK], sample[-HELD_BACK:]
    digests = sorted(digest for digest, _ in chosen)
    key = _key(space, digests)
    found = kept_engine(f"{INT8} {key}", backbone.record)
    if found is not None:
        return found
    log.info("int8: calibrating on %d images; this takes some seconds, once", len(chosen))
    engine = quantise(backbone, [image for _, image in chosen])
    cosines = _cosines(backbone, engine, [image for _, image in held_back])
    calibration = Calibration(
        key, space, digests, HELD_BACK, float(cosines.mean()), float(cosines.min())
    )
    if calibration.mean_cosine < LEAST_AGREEMENT:
        raise ConfigError(
            f"precision 'int8' is refused: {calibration}, and {LEAST_AGREEMENT} is the least. "
            "Use --precision fp32."
        )
    keep(_name(key), engine, {"format": FORMAT, **asdict(calibration)})
    # From the file, so that this run computes what later ones will.
    found = kept_engine(f"{INT8} {key}", backbone.record)
    return found or (_renamed(engine, f"{INT8} {key}"), calibration)


def kept_engine(
    arithmetic: str, record: WeightsRecord
) -> tuple[OpenVinoEngine, Calibration] | None:
    """Return the 8-bit network of an engine's `arithmetic`, or None where none is kept whole.

    Raises:
        ConfigError: OpenVINO is not installed, or the processor would be slow.
    """
    kind, _, key = arithmetic.partition(" ")
    # The key names a file, and may come from a model that somebody else made.
    if kind != INT8 or not re.fullmatch("[0-9a-f]{64}", key):
        return None
    found = kept(_name(key), record, arithmetic=arithmetic)
    if found is None or found[1].pop("format", None) != FORMAT or found[1]["key"] != key:
        return None
    calibration = Calibration(**found[1])
    if not calibration.space.startswith(f"{record.identity} "):
        return None  # the same weights with another pooling are another network
    check_processor()
    return found[0], calibration


def _renamed(engine: OpenVinoEngine, arithmetic: str) -> OpenVinoEngine:
    return OpenVinoEngine(engine.model, engine.record, arithmetic=arithmetic)


def _sample(preprocessing: Preprocessing, paths: Sequence[Path]) -> list[tuple[str, Pixels]]:
    """Return (digest, image) of images from all over the set, different ones."""
    found: dict[str, Pixels] = {}
    for digest, image in _readable(preprocessing, sorted(paths, key=_name_hash)):
        found[digest] = image
        if len(found) == MOST_IMAGES + HELD_BACK:
            break
    if len(found) < FEWEST_IMAGES + HELD_BACK:
        raise ConfigError(
            f"precision 'int8' needs {FEWEST_IMAGES + HELD_BACK} different images to be "
            f"calibrated and checked on, and there are {len(found)}. Use --precision fp32."
        )
    return list(found.items())


def _readable(preprocessing: Preprocessing, paths: Sequence[Path]) -> Iterator[tuple[str, Pixels]]:
    for path in paths:
        try:
            content = read_file(path)
            image = preprocessing(decode(content, shorter_side=preprocessing.shorter_side))
        except ImageError:
            continue
        yield hashlib.sha256(content).hexdigest(), image


def _name(key: str) -> str:
    return f"{INT8}-{key[:32]}"


def _name_hash(path: Path) -> bytes:
    return hashlib.sha256(os.fsencode(Path(path.parent.name, path.name))).digest()


def _shares_images(calibration: Calibration, paths: Sequence[Path], index: FileIndex) -> bool:
    """Tell whether half of the images are among these."""
    known = remembered_digests(paths, index)
    hashed, _ = hash_files([path for path in paths if path not in known], index, progress=False)
    digests = {digest.hex() for digest in (known | hashed).values()}
    present = digests.intersection(calibration.digests)
    return 2 * len(present) >= len(calibration.digests)


def _key(space: str, digests: Sequence[str]) -> str:
    versions = []
    for package in ("openvino", "nncf"):
        import_extra(package)
        versions.append(importlib.metadata.version(package))
    # Sums over threads are rounded in another order on another number of cores.
    parts = [space, FORMAT, usable_cores(), *versions, *digests]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def _cosines(one: Engine, other: Engine, images: Sequence[Pixels]) -> Rows:
    with threads_restored():
        ours, theirs = (
            numpy.concatenate([session(images[i : i + 1]).copy() for i in range(len(images))])
            for session in (one.session(), other.session())
        )
    lengths = numpy.linalg.norm(ours, axis=1) * numpy.linalg.norm(theirs, axis=1)
    cosines: Rows = (ours * theirs).sum(axis=1) / numpy.maximum(lengths, 1e-12)
    return cosines
