"""Charts: where things are, in pixels that are worked out by hand."""

import re
from xml.etree import ElementTree

import pytest

from torch_inception.report.charts import (
    Frame,
    Interval,
    Mark,
    curve_diagram,
    interval_strip,
    learning_diagram,
    reliability_diagram,
)

HOSTILE = '"><script>alert(1)</script>&'


def test_a_frame_maps_its_range_to_what_its_margins_leave() -> None:
    frame = Frame(
        width=200, height=100, x_range=(0, 10), y_range=(0.5, 1),
        left=20, right=30, top=10, bottom=40,
    )  # fmt: skip
    assert (frame.x(0), frame.x(10), frame.x(4)) == (20, 170, 80)
    assert (frame.y(1), frame.y(0.5), frame.y(0.75)) == (10, 60, 35)


def test_a_strip_shows_a_share_and_its_interval() -> None:
    strip = ElementTree.fromstring(interval_strip(Interval(0.5, 0.2, 0.9)))
    spread = strip.find("line[@class='spread']")
    dot = strip.find("circle")
    assert spread is not None
    assert dot is not None
    # 110 pixels from 5: 0.2 is at 27, 0.9 at 104, and the middle at 60.
    assert (spread.get("x1"), spread.get("x2"), dot.get("cx")) == ("27.0", "104.0", "60.0")
    assert strip.get("aria-hidden") == "true"  # the numbers are beside it


@pytest.mark.parametrize("low", [0.91, 0.75, 0.5, 0.1, 0.0])
def test_a_learning_curve_fits_its_axes(low: float) -> None:
    marks = [
        Mark(10, Interval(low + 0.05, low, low + 0.08), 4, "10 images"),
        Mark(1000, Interval(0.97, 0.95, 1.0), 4, "1,000 images"),
    ]
    chart = ElementTree.fromstring(learning_diagram(marks, summary="two points"))
    height = float(chart.get("height", 0))
    places = [float(line.get("y1", -1)) for line in chart.iter("line")]
    assert all(0 < place < height for place in places)
    labels = [text.text for text in chart.iter("text")]
    assert {"10", "1,000", "100%", "accuracy", "training images"} <= set(labels)
    assert len({label for label in labels if label and label.endswith("%")}) <= 6


def test_whatever_is_told_of_a_chart_is_text() -> None:
    mark = Mark(0.5, Interval(0.5, 0.4, 0.6), 4, HOSTILE)
    for chart in (
        reliability_diagram([mark], summary=HOSTILE),
        learning_diagram([mark, mark._replace(x=2.0)], summary=HOSTILE),
        curve_diagram([(0, 0), (1, 1)], x_title=HOSTILE, y_title=HOSTILE, summary=HOSTILE),
    ):
        tree = ElementTree.fromstring(chart)
        assert tree.get("aria-label") == HOSTILE
        assert not re.search("<script", chart)
