"""Whatever stands for an image -> what the network sees of it, and what is worth knowing of it."""

from typing import NamedTuple

from torch_inception.errors import ImageError
from torch_inception.images.decode import to_decoded
from torch_inception.images.facts import ImageFacts, image_facts
from torch_inception.images.image_input import ImageInput, image_name
from torch_inception.images.limits import one_large_image_at_a_time
from torch_inception.images.preprocess import Pixels, Preprocessing


class SeenImage(NamedTuple):
    """What the network sees of an image, (299, 299, 3) uint8, and facts of the image."""

    pixels: Pixels
    facts: ImageFacts


def see(item: ImageInput, preprocessing: Preprocessing) -> SeenImage:
    """Return what the network sees of an image.

    Raises:
        ImageError: the image cannot be read.
        TypeError: the item is of another kind.
    """
    with one_large_image_at_a_time():
        image, original = to_decoded(
            item, shorter_side=preprocessing.shorter_side, deep=preprocessing.deep
        )
        pixels = preprocessing(image)
    return SeenImage(pixels, image_facts(original, pixels))


def see_named(item: ImageInput, preprocessing: Preprocessing) -> SeenImage:
    """Do as `see`, of an image that is alone; the error of one that cannot be read names it."""
    try:
        return see(item, preprocessing)
    except ImageError as error:
        raise ImageError(f"{image_name(item, 0)}: {error}") from error


def see_or_say(item: ImageInput, preprocessing: Preprocessing) -> SeenImage | ImageError:
    """Do as `see`; return the error of an image that cannot be read."""
    try:
        return see(item, preprocessing)
    except ImageError as error:
        return error
