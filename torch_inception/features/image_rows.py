"""Images to rows of features: bytes, files or images in memory in, a row or a reason out."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from torch_inception.engines.protocol import Engine, Session
from torch_inception.errors import ImageError
from torch_inception.features.cache.file_index import FileState, file_state
from torch_inception.features.ordered_map import Work, ordered_map
from torch_inception.images.decode import decode, to_image
from torch_inception.images.limits import one_large_image_at_a_time
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.images.read import read_file

ImageInput = str | os.PathLike[str] | Image.Image | Tensor
"""What stands for one image: a path, a PIL image or a uint8 tensor (3, H, W)."""

FeatureRow = NDArray[numpy.float32]
"""(4096,), as an engine computes it; the cache keeps it in float16."""

CHANGED = "changed while it was being read"


class ReadImage(NamedTuple):
    """A file that was read once.

    Attributes:
        state: of the file; None where that is not known.
        digest: SHA-256 (32 bytes) of its content; None where it could not be read.
        pixels: for the network; the reason where there are none; None where none were wanted.
    """

    state: FileState | None
    digest: bytes | None
    pixels: Pixels | ImageError | None


def read_image(
    path: Path, preprocessing: Preprocessing, *, is_wanted: Callable[[bytes], bool]
) -> ReadImage:
    """Read a file, once, and decode it where its content is wanted.

    A file whose size or time of modification changes meanwhile is bad. Whatever else happens to it
    (a link, other permissions, a file of the same size and time in its place) has the next run read
    it again, since the state that is returned is that of before.

    Args:
        path: the file.
        preprocessing: how an image becomes 299 x 299.
        is_wanted: tells by the SHA-256 of the content whether pixels are wanted.
    """
    before = file_state(path)
    try:
        content = read_file(path)
    except ImageError as error:
        return ReadImage(None, None, error)
    after = file_state(path)
    if before is None or after is None or after.is_modified_since(before):
        return ReadImage(None, None, ImageError(CHANGED))
    digest = hashlib.sha256(content).digest()
    pixels = to_pixels(content, preprocessing) if is_wanted(digest) else None
    return ReadImage(before, digest, pixels)


def to_pixels(item: bytes | ImageInput, preprocessing: Preprocessing) -> Pixels | ImageError:
    """Return what the network sees of an image, (299, 299, 3) uint8, or why it cannot be had.

    Args:
        item: the content of a file, or an image.
        preprocessing: how an image becomes 299 x 299.

    Raises:
        TypeError: the item is of another kind.
    """
    side = preprocessing.shorter_side
    try:
        with one_large_image_at_a_time():
            if isinstance(item, bytes):
                return preprocessing(decode(item, shorter_side=side))
            return preprocessing(to_image(item, shorter_side=side))
    except ImageError as error:
        return error


def compute_rows(
    session: Session, images: Sequence[Pixels | ImageError]
) -> list[FeatureRow | ImageError]:
    """Compute the rows of images; errors keep their places.

    Args:
        session: of an engine.
        images: up to its batch size, each (299, 299, 3) uint8.

    Returns:
        (4096,) float32 for each image, or its error.
    """
    good = [image for image in images if not isinstance(image, ImageError)]
    rows = iter(session(good)) if good else iter(())
    return [each if isinstance(each, ImageError) else next(rows) for each in images]


def image_row(
    content: bytes, preprocessing: Preprocessing, session: Session
) -> FeatureRow | ImageError:
    """Return the row (4096,) float32 of a file's content, or why it has none."""
    (row,) = compute_rows(session, [to_pixels(content, preprocessing)])
    return row


def stream_rows(
    engine: Engine, preprocessing: Preprocessing, items: Iterable[ImageInput]
) -> Iterator[FeatureRow | ImageError]:
    """Map images to rows, in input order, as they come; the cache is not used.

    Args:
        engine: the frozen network.
        preprocessing: how an image becomes 299 x 299.
        items: paths, PIL images or uint8 tensors (3, H, W). What becomes of an image or tensor
            after its step does not matter: a film may reuse one for all of its frames.

    Yields:
        (4096,) float32 for each image, or the error of one that cannot be read.

    Raises:
        TypeError: an item is of another kind.
    """

    def make_worker() -> Work[Path | Pixels | ImageError, FeatureRow | ImageError]:
        session = engine.session()

        def work(batch: Sequence[Path | Pixels | ImageError]) -> list[FeatureRow | ImageError]:
            images = [to_pixels(i, preprocessing) if isinstance(i, Path) else i for i in batch]
            return compute_rows(session, images)

        return work

    # Paths are decoded by the workers; what is in memory at once, before the next is asked for.
    taken = (
        Path(item) if isinstance(item, (str, os.PathLike)) else to_pixels(item, preprocessing)
        for item in items
    )
    yield from ordered_map(make_worker, taken, workers=engine.workers, batch_size=engine.batch_size)
