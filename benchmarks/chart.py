"""Draw rates as horizontal bars in groups, into a small PNG."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from PIL import Image

from benchmarks.table import Rates

matplotlib.use("Agg")

BAR = 0.26
"""Height of a bar in inches."""


def draw(
    path: Path, rates: Rates, colours: Mapping[str, str], columns: Sequence[str], *, caption: str
) -> None:
    """Draw one group a column and one bar a contender, both from top to bottom.

    Args:
        path: the PNG to write.
        rates: has a rate for each contender and column.
        colours: contender -> colour, in the order of the bars.
        columns: in the order of the groups.
        caption: written under the bars.
    """
    from matplotlib import pyplot

    group = len(colours) + 1
    figure, axes = pyplot.subplots(
        figsize=(8, BAR * group * len(columns) + 0.9), layout="constrained"
    )
    for number, (contender, colour) in enumerate(colours.items()):
        places = [-(group * index + number) for index in range(len(columns))]
        medians = [rates.median(contender, column) for column in columns]
        bars = axes.barh(places, medians, height=0.85, label=contender, color=colour)
        axes.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
    middle = (len(colours) - 1) / 2
    axes.set_yticks([-(group * index + middle) for index in range(len(columns))], columns)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(f"images per second (more is better)\n{caption}", fontsize=9)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    pyplot.close(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(content).convert("RGB").quantize(64).save(path, optimize=True)
