"""A map of what speaks for and against a class: the image in grey, and two colours over it."""

import numpy
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from torch_inception.images.preprocess import IMAGE_SIZE, Pixels

FOR, AGAINST = (213, 94, 0), (0, 114, 178)
"""Vermilion and blue of Okabe and Ito 2008, "Color Universal Design": people who do not tell red
from green tell these apart."""

CELL = 64
"""Parts of the image that the scale is in: a number of logits per 1/64 of it."""

_MARGIN, _ENLARGED, _BAR, _TEXT = 16, 2, 18, 15
_INK, _PAPER = (40, 40, 40), (255, 255, 255)


def overlay(pixels: Pixels, logits: NDArray[numpy.float32], *, caption: str) -> Image.Image:
    """Draw a map over an image, with its scale beside it.

    Args:
        pixels: (299, 299, 3) uint8.
        logits: (299, 299), per pixel: above 0 what speaks for the class, below 0 against it.
        caption: a line below.
    """
    side = IMAGE_SIZE * _ENLARGED
    per_cell = logits * (IMAGE_SIZE**2 / CELL)
    limit = max(float(abs(per_cell).max()), 1e-9)
    image = Image.fromarray(coloured(pixels, per_cell / limit))
    sheet = Image.new("RGB", (side + 7 * _MARGIN, side + 4 * _MARGIN), _PAPER)
    sheet.paste(image.resize((side, side), Image.Resampling.BILINEAR), (_MARGIN, _MARGIN))
    draw = ImageDraw.Draw(sheet)
    _draw_scale(sheet, draw, left=side + 2 * _MARGIN, height=side, limit=limit)
    place = (_MARGIN, side + 2 * _MARGIN)
    draw.text(place, drawable(caption), fill=_INK, font=ImageFont.load_default(_TEXT))
    return sheet


def shaded(pixels: Pixels, logits: NDArray[numpy.float32]) -> Image.Image:
    """Return a map over an image, and nothing beside it.

    Args:
        pixels: as for `overlay`.
        logits: as for `overlay`; the strongest place has the full colour.
    """
    return Image.fromarray(coloured(pixels, logits / max(float(abs(logits).max()), 1e-12)))


def coloured(pixels: Pixels, share: NDArray[numpy.float32]) -> Pixels:
    """Return an image in light grey, with a colour where a share is far from 0.

    Args:
        pixels: (299, 299, 3) uint8.
        share: (299, 299), -1 to 1.
    """
    luma = numpy.asarray(Image.fromarray(pixels).convert("L"), numpy.float32)
    grey = numpy.repeat((90 + luma * (255 - 90) / 255)[..., None], 3, axis=2)
    colour = numpy.where(share[..., None] > 0, numpy.array(FOR), numpy.array(AGAINST))
    strength = 0.75 * abs(share[..., None])
    mixed: Pixels = (grey * (1 - strength) + colour * strength).round().astype(numpy.uint8)
    return mixed


def _draw_scale(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, *, left: int, height: int, limit: float
) -> None:
    """Draw the colours from `limit` at the top to -`limit` at the bottom, with numbers."""
    shares = numpy.linspace(1, -1, height, dtype=numpy.float32)[:, None].repeat(_BAR, axis=1)
    paper = numpy.full((height, _BAR, 3), 255, numpy.uint8)
    sheet.paste(Image.fromarray(coloured(paper, shares)), (left, _MARGIN))
    font = ImageFont.load_default(_TEXT)
    for share, above in ((1.0, "for"), (0.5, ""), (0.0, ""), (-0.5, ""), (-1.0, "against")):
        y = _MARGIN + round((1 - share) / 2 * height)
        place = (left + _BAR + 6, y)
        anchor = {1.0: "la", -1.0: "ld"}.get(share, "lm")
        number = f"{share * limit:+.2g}" if share else "0"
        lines = "\n".join(filter(None, (number, above) if share > 0 else (above, number)))
        draw.text(place, lines, fill=_INK, font=font, anchor=anchor)


def drawable(text: str) -> str:
    """Escape what the font that comes with Pillow has no letters for."""
    return text.encode("latin-1", "backslashreplace").decode("latin-1")
