"""8-bit networks, kept in the user's cache with what they were made from."""

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from torch_inception.int8.engine import INT8, Int8Engine
from torch_inception.int8.quantisation import save_quantised
from torch_inception.storage import atomic_file, cache_folder, write_json
from torch_inception.weights import WeightsRecord

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Calibration:
    """What an 8-bit network was made from, and how good it is.

    Attributes:
        key: SHA-256, in hexadecimal, of all that decides what the network is.
        space: the weights and the preprocessing that it is for.
        digests: SHA-256, in hexadecimal, of the pictures that it was calibrated on.
        held_back: number of further pictures, on which both networks were compared.
        mean_cosine: between its features and float32's, on those pictures.
        lowest_cosine: of these pictures' cosines.
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
            f"calibrated on {len(self.digests)} of these pictures; on {self.held_back} others its "
            f"features have a mean cosine of {self.mean_cosine:.4f} to those of float32, the "
            f"lowest {self.lowest_cosine:.4f}"
        )


def kept_engine(arithmetic: str, record: WeightsRecord) -> tuple[Int8Engine, Calibration] | None:
    """Return the network of an engine's `arithmetic`, or None where none is kept whole.

    Raises:
        ConfigError: OpenVINO is not installed, or the processor would be slow.
    """
    kind, _, key = arithmetic.partition(" ")
    network, weights, about = _files(key)
    if kind != INT8 or not about.exists():
        return None
    try:
        said = json.loads(about.read_text(encoding="utf-8"))
        if said.pop("sha256") == [_digest(network), _digest(weights)]:
            return Int8Engine(network, record, key=key), Calibration(**said)
        problem = "its numbers are not the ones that were written"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        problem = str(error) or type(error).__name__
    log.warning("int8: %s is damaged (%s); calibrating again", network, problem)
    return None


def keep_engine(engine: Int8Engine, calibration: Calibration) -> None:
    """Write the network to the cache, what it is last. Where that fails, say so and go on."""
    network, weights, about = _files(calibration.key)
    try:
        # OpenVINO writes both files at once, and names the second after the first.
        with atomic_file(network) as temporary:
            written = temporary.with_suffix(".xml")
            try:
                save_quantised(engine, written)
                written.with_suffix(".bin").replace(weights)
                written.replace(temporary)
            finally:
                written.unlink(missing_ok=True)
                written.with_suffix(".bin").unlink(missing_ok=True)
        digests = [_digest(network), _digest(weights)]
        with atomic_file(about) as temporary:
            write_json(temporary, {**asdict(calibration), "sha256": digests})
    except (OSError, RuntimeError) as error:
        log.warning("int8: the network cannot be kept in %s (%s)", network.parent, error)


def _files(key: str) -> tuple[Path, Path, Path]:
    start = cache_folder() / "networks" / f"int8-{key[:32]}.xml"
    return start, start.with_suffix(".bin"), start.with_suffix(".json")


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
