"""Images to feature rows, as they come: decoding and network side by side, on every core."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from torch_inception.engines.protocol import Engine
from torch_inception.errors import ImageError
from torch_inception.features.stream import Work, ordered_map
from torch_inception.images.decode import to_image
from torch_inception.images.limits import one_large_image_at_a_time
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.system.threads import threads_restored

Item = TypeVar("Item")

ImageInput = str | os.PathLike[str] | Image.Image | Tensor
"""What stands for one image: a path, a PIL image or a uint8 tensor (3, H, W)."""

Row = NDArray[numpy.float32]


def stream_features(
    engine: Engine, preprocessing: Preprocessing, items: Iterable[ImageInput]
) -> Iterator[Row | ImageError]:
    """Map images to rows, in input order, as they come; the cache is not used.

    Args:
        engine: the frozen network.
        preprocessing: how an image becomes 299 x 299.
        items: paths, PIL images or uint8 tensors (3, H, W).

    Yields:
        (2048,) float32 for each image, or the error of one that cannot be read.
    """

    def load(item: ImageInput) -> Image.Image:
        return to_image(item, shorter_side=preprocessing.shorter_side)

    return extract(engine, preprocessing, items, load=load)


def extract(
    engine: Engine,
    preprocessing: Preprocessing,
    items: Iterable[Item],
    *,
    load: Callable[[Item], Image.Image],
) -> Iterator[Row | ImageError]:
    """Do as `stream_features`, for items that `load` turns into upright RGB images."""

    def make_worker() -> Work[Item, Row | ImageError]:
        session = engine.session()

        def work(batch: Sequence[Item]) -> list[Row | ImageError]:
            images = [_attempt(load, preprocessing, item) for item in batch]
            good = [image for image in images if not isinstance(image, ImageError)]
            rows = iter(session(good)) if good else iter(())
            return [each if isinstance(each, ImageError) else next(rows) for each in images]

        return work

    with threads_restored():
        yield from ordered_map(
            make_worker, items, workers=engine.workers, batch_size=engine.batch_size
        )


def _attempt(
    load: Callable[[Item], Image.Image], preprocessing: Preprocessing, item: Item
) -> Pixels | ImageError:
    try:
        with one_large_image_at_a_time():
            return preprocessing(load(item))
    except ImageError as error:
        return error
