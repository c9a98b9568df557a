"""A confusion matrix, drawn."""

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from torch_inception.images.overlay import AGAINST, drawable
from torch_inception.system.escape import printable

LABELLED = 40
"""Classes up to which labels and counts are drawn; more could not be read."""

_SIDE, _SMALLEST_CELL, _LARGEST_CELL = 960, 24, 40
_MARGIN, _GAP, _LINE, _TEXT = 24, 6, 20, 14
_LONGEST_NAME = 24
_INK, _PAPER = (40, 40, 40), (255, 255, 255)
_CAPTION = "rows: true class\ncolumns: predicted class"


def draw_confusion(
    confusion: Sequence[Sequence[int]], labels: Sequence[str]
) -> NDArray[numpy.uint8]:
    """Draw a confusion matrix, with labels and counts where there is room for them.

    The larger the share of its row, the bluer a cell.

    Args:
        confusion: row i, column j has how many images of class i were taken for class j.
        labels: of the C classes.

    Returns:
        (height, width, 3) uint8.
    """
    counts = numpy.array(confusion, numpy.int64)
    if len(labels) > LABELLED:
        return numpy.asarray(_cells(counts, max(1, _SIDE // len(labels))))
    cell = min(_LARGEST_CELL, max(_SMALLEST_CELL, _SIDE // len(labels)))
    names = [_text(_short(label)) for label in labels]
    caption = _text(_CAPTION)
    before = max(caption.width, *(name.width for name in names)) + _GAP
    above = max(caption.height, *(name.width for name in names)) + _GAP
    side = cell * len(labels)
    size = (before + side + 2 * _MARGIN, above + side + 2 * _MARGIN)
    sheet = Image.new("RGB", size, _PAPER)
    left, top = _MARGIN + before, _MARGIN + above
    sheet.paste(_cells(counts, cell), (left, top))
    sheet.paste(caption, (_MARGIN, _MARGIN))
    for number, name in enumerate(names):
        middle = number * cell + cell // 2
        sheet.paste(name, (left - _GAP - name.width, top + middle - name.height // 2))
        upright = name.transpose(Image.Transpose.ROTATE_90)
        sheet.paste(upright, (left + middle - upright.width // 2, top - _GAP - upright.height))
    _write_counts(ImageDraw.Draw(sheet), counts, cell=cell, left=left, top=top)
    return numpy.asarray(sheet)


def _cells(counts: NDArray[numpy.int64], cell: int) -> Image.Image:
    share = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    depth = numpy.sqrt(share)[..., None]  # a few errors among many images can be seen
    colour = numpy.array(_PAPER) * (1 - depth) + numpy.array(AGAINST) * depth
    image = Image.fromarray(colour.round().astype(numpy.uint8))
    side = cell * len(counts)
    return image.resize((side, side), Image.Resampling.NEAREST)


def _write_counts(
    draw: ImageDraw.ImageDraw, counts: NDArray[numpy.int64], *, cell: int, left: int, top: int
) -> None:
    font = ImageFont.load_default(_TEXT)
    totals = counts.sum(axis=1)
    for row, column in numpy.argwhere(counts).tolist():
        text = str(counts[row, column])
        if font.getlength(text) < cell:
            is_dark = counts[row, column] > totals[row] / 4
            place = (left + column * cell + cell // 2, top + row * cell + cell // 2)
            draw.text(place, text, fill=_PAPER if is_dark else _INK, font=font, anchor="mm")


def _text(text: str) -> Image.Image:
    """Return lines of text, dark on white."""
    font, lines = ImageFont.load_default(_TEXT), text.split("\n")
    width = max(round(font.getlength(line)) for line in lines) + 2
    image = Image.new("RGB", (width, _LINE * len(lines)), _PAPER)
    for number, line in enumerate(lines):
        place = (0, number * _LINE + _LINE // 2)
        ImageDraw.Draw(image).text(place, line, fill=_INK, font=font, anchor="lm")
    return image


def _short(label: str) -> str:
    """Return a label as the font has letters for it, on one line, cut off where it is long."""
    text = drawable(printable(label))
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 3]}..."
