"""Draw the image at the top of the README: test images of a run, as the model names them.

python -m torch_inception.train
python -m benchmarks.example runs/training_dataset benchmarks/results/example.png
"""

import argparse
import csv
import tomllib
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

COLUMNS = 6
ROWS = 2

# Pixels; twice what a page shows, so that it is sharp on fine screens too.
TILE = 280
CAPTION = 92
GAP = 28
ROUNDING = 20
FONT_SIZE = 30
BAR = 12

GROUND = "#f1f3f5"
EMPTY = "#e3e6e9"
RIGHT = "#1a7f37"
WRONG = "#cf222e"


def main() -> None:
    """Read a run folder and write the image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("image", type=Path)
    arguments = parser.parse_args()
    data = Path(tomllib.loads((arguments.run / "config.toml").read_text("utf-8"))["data"])
    with (arguments.run / "predictions.csv").open(encoding="utf-8", newline="") as file:
        answers = list(csv.DictReader(file))
    sheet = Image.new(
        "RGB", (COLUMNS * (TILE + GAP) + GAP, ROWS * (TILE + CAPTION + GAP) + GAP), "white"
    )
    for place, answer in enumerate(_spread(answers, COLUMNS * ROWS)):
        row, column = divmod(place, COLUMNS)
        left, top = GAP + column * (TILE + GAP), GAP + row * (TILE + CAPTION + GAP)
        tile, mask = _tile(data / answer["path"])
        sheet.paste(tile, (left, top), mask)
        _caption(ImageDraw.Draw(sheet), left, top + TILE, answer)
    sheet.quantize(256, dither=Image.Dither.NONE).save(arguments.image, optimize=True)


def _spread(answers: list[dict[str, str]], count: int) -> list[dict[str, str]]:
    """Choose answers at even distances, so that every class is shown, right or wrong."""
    return [answers[place * len(answers) // count] for place in range(min(count, len(answers)))]


def _tile(path: Path) -> tuple[Image.Image, Image.Image]:
    """Return the whole image on a square ground, and a mask that rounds its corners."""
    with Image.open(path) as opened:
        layer = opened.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    flat = Image.alpha_composite(white, layer).convert("RGB")
    tile = ImageOps.pad(flat, (TILE, TILE), color=GROUND)
    mask = Image.new("L", tile.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, TILE - 1, TILE - 1), ROUNDING, fill=255)
    # On a white page a white image would have no edge.
    ImageDraw.Draw(tile).rounded_rectangle(
        (0, 0, TILE - 1, TILE - 1), ROUNDING, outline="#d0d4d8", width=2
    )
    return tile, mask


def _caption(canvas: ImageDraw.ImageDraw, left: int, top: int, answer: dict[str, str]) -> None:
    """Write the name with its score, and a bar of that length; a wrong name is struck out."""
    font = ImageFont.load_default(FONT_SIZE)
    score = float(answer["score"])
    is_right = answer["prediction"] == answer["label"]
    colour = RIGHT if is_right else WRONG
    right = left + TILE - 1
    canvas.text((left, top + 10), answer["prediction"], fill=colour, font=font)
    if not is_right:
        box = canvas.textbbox((left, top + 10), answer["prediction"], font=font)
        middle = (box[1] + box[3]) / 2 + 2
        canvas.line((left - 2, middle, box[2] + 2, middle), fill=colour, width=3)
    canvas.text((right, top + 10), f"{100 * score:.0f}%", fill=colour, font=font, anchor="ra")
    bar = top + 58
    canvas.rounded_rectangle((left, bar, right, bar + BAR), BAR // 2, fill=EMPTY)
    length = max(BAR, round((TILE - 1) * score))
    canvas.rounded_rectangle((left, bar, left + length, bar + BAR), BAR // 2, fill=colour)


if __name__ == "__main__":
    main()
