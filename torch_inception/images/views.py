"""Ways of looking at an image: as it is, mirrored, cropped, padded, brighter."""

import random
from dataclasses import astuple, dataclass

from PIL import Image

from torch_inception.images.rgb import BACKGROUND, cut_out


@dataclass(frozen=True)
class View:
    """One way of looking at an image.

    Attributes:
        is_mirrored: whether left and right change places.
        scale: sides of the window over those of the image: under 1 it is cropped, above 1 there is
            white around it.
        left: where the window lies across, 0 (at the left edge) to 1 (at the right edge).
        top: where it lies down, 0 to 1.
        brightness: what pixel values are multiplied by; they stay within 0 and 255.
    """

    is_mirrored: bool = False
    scale: float = 1.0
    left: float = 0.5
    top: float = 0.5
    brightness: float = 1.0

    @property
    def identity(self) -> str:
        """Everything here that changes pixels; "" for an image as it is."""
        return "" if self == ORIGINAL else f"view {' '.join(map(str, astuple(self)))}"

    def __call__(self, image: Image.Image) -> Image.Image:
        """Map an upright RGB image to what is seen of it, another RGB image."""
        if self.scale != 1:
            image = self._window(image)
        if self.is_mirrored:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self.brightness != 1:
            image = image.point(
                [min(255, round(value * self.brightness)) for value in range(256)] * 3
            )
        return image

    def _window(self, image: Image.Image) -> Image.Image:
        width, height = (max(1, round(side * self.scale)) for side in image.size)
        left = round((image.width - width) * self.left)
        top = round((image.height - height) * self.top)
        if self.scale < 1:
            return cut_out(image, (left, top, left + width, top + height))
        padded = Image.new("RGB", (width, height), BACKGROUND)
        padded.paste(image, (-left, -top))
        return padded


ORIGINAL = View()

FIXED_VIEWS = {
    1: (ORIGINAL,),
    2: (ORIGINAL, View(is_mirrored=True)),
    4: (ORIGINAL, View(is_mirrored=True), View(scale=0.9), View(scale=1.2)),
}
"""The views of each training image, by their number."""

DRAWN_VIEWS = 4
"""Further views that are drawn for each training image, where distortions are asked for."""


@dataclass(frozen=True)
class Distortions:
    """What TensorFlow's `retrain.py` draws for each image (its function add_input_distortions).

    Attributes:
        flip: whether half of the views are mirrored.
        random_crop: percent by which an image is larger than the window that is cut out.
        random_scale: percent by which it is larger still at most.
        random_brightness: percent by which it is brighter or darker at most.
    """

    flip: bool = False
    random_crop: float = 0
    random_scale: float = 0
    random_brightness: float = 0

    def draw(self, digest: bytes, *, seed: int) -> list[View]:
        """Draw `DRAWN_VIEWS` views of an image; none where nothing is asked for.

        Args:
            digest: SHA-256 of the image's content; it and the seed decide what is drawn.
            seed: any number.
        """
        if self == Distortions():
            return []
        dice = random.Random(f"{seed} {digest.hex()}")
        return [self._draw_one(dice) for _ in range(DRAWN_VIEWS)]

    def _draw_one(self, dice: random.Random) -> View:
        margin = 1 + self.random_crop / 100
        scale = 1 + dice.random() * self.random_scale / 100
        brightness = 1 + (2 * dice.random() - 1) * self.random_brightness / 100
        left, top = dice.random(), dice.random()
        is_mirrored = dice.random() < 0.5 and self.flip
        if margin * scale == 1:
            left = top = 0.5  # there is nothing to choose from
        return View(is_mirrored, 1 / (margin * scale), left, top, brightness)
