"""Draw the README's image: test images of a run, each with the name and score it gets.

python -m torch_inception.train
python -m benchmarks.example runs/training_dataset benchmarks/results/example.png
"""

import argparse
import csv
import tomllib
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

TILE = 150
CAPTION = 44
COLUMNS = 6
ROWS = 2
GAP = 12


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
        corner = (GAP + column * (TILE + GAP), GAP + row * (TILE + CAPTION + GAP))
        _draw(sheet, corner, data / answer["path"], answer)
    sheet.quantize(128).save(arguments.image, optimize=True)


def _spread(answers: list[dict[str, str]], count: int) -> list[dict[str, str]]:
    """Choose answers at even distances, so that every class is shown, right or wrong."""
    return [answers[place * len(answers) // count] for place in range(min(count, len(answers)))]


def _draw(sheet: Image.Image, corner: tuple[int, int], path: Path, answer: dict[str, str]) -> None:
    left, top = corner
    with Image.open(path) as opened:
        layer = opened.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    tile = ImageOps.pad(
        Image.alpha_composite(ground, layer).convert("RGB"), (TILE, TILE), color="white"
    )
    sheet.paste(tile, corner)
    canvas = ImageDraw.Draw(sheet)
    canvas.rectangle((left, top, left + TILE - 1, top + TILE - 1), outline="#bbbbbb")
    score = float(answer["score"])
    right = answer["prediction"] == answer["label"]
    colour = "#1a7f37" if right else "#cf222e"
    canvas.text(
        (left, top + TILE + 4), f"{answer['prediction']}  {100 * score:.1f}%", fill=colour,
        font=ImageFont.load_default(size=16),
    )  # fmt: skip
    bar = top + TILE + 28
    canvas.rectangle((left, bar, left + TILE - 1, bar + 7), fill="#eeeeee")
    canvas.rectangle((left, bar, left + int((TILE - 1) * score), bar + 7), fill=colour)


if __name__ == "__main__":
    main()
