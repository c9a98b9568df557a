"""Ways of looking at an image, on one whose pixels tell where they were."""

import dataclasses
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray
from PIL import Image

from torch_inception.images.views import DRAWN_VIEWS, FIXED_VIEWS, ORIGINAL, Distortions, View


def grid(width: int = 20, height: int = 10) -> Image.Image:
    """Make an image whose red is the column and whose green is the row."""
    down, across = numpy.mgrid[:height, :width].astype(numpy.uint8)
    return Image.fromarray(numpy.stack([across, down, numpy.full_like(down, 100)], axis=2))


def seen(view: View, image: Image.Image | None = None) -> NDArray[numpy.uint8]:
    return numpy.array(view(image or grid()))


def test_the_original_is_the_image_itself() -> None:
    image = grid()
    assert ORIGINAL(image) is image
    assert ORIGINAL.identity == ""


def test_a_mirrored_view_changes_left_and_right() -> None:
    assert seen(View(is_mirrored=True))[3, :, 0].tolist() == [*range(19, -1, -1)]


def test_a_crop_is_the_middle() -> None:
    # 18 of 20 columns, from the second on; 9 of 10 rows, from the first: round(0.5) is 0.
    pixels = seen(View(scale=0.9))
    assert pixels.shape == (9, 18, 3)
    assert pixels[0, 0].tolist() == [1, 0, 100]
    assert pixels[-1, -1].tolist() == [18, 8, 100]


def test_a_padded_view_has_white_around_it() -> None:
    pixels = seen(View(scale=1.2))
    assert pixels.shape == (12, 24, 3)
    assert (pixels[1:11, 2:22] == numpy.asarray(grid())).all()
    pixels[1:11, 2:22] = 255
    assert (pixels == 255).all()


def test_a_window_lies_where_it_is_told_to() -> None:
    assert seen(View(scale=0.5, left=0, top=1))[0, 0].tolist() == [0, 5, 100]
    assert seen(View(scale=0.5, left=1, top=0))[0, 0].tolist() == [10, 0, 100]


def test_brightness_multiplies_and_stays_in_range() -> None:
    assert seen(View(brightness=1.5))[0, 0, 2] == 150
    assert seen(View(brightness=3))[0, 0, 2] == 255
    assert seen(View(brightness=0.5))[0, 19].tolist() == [10, 0, 50]  # 9.5 is rounded to even


def test_the_smallest_image_has_every_view() -> None:
    for view in FIXED_VIEWS[4]:
        assert seen(view, Image.new("RGB", (1, 1))).size > 0


def test_identities_tell_views_apart() -> None:
    views = [
        *FIXED_VIEWS[4],
        View(scale=0.9, left=0.1),
        View(brightness=0.9),
        View(scale=0.9, top=0.2),
    ]
    assert len({view.identity for view in views}) == len(views)


def test_fixed_views_begin_with_the_original_and_are_as_many_as_they_say() -> None:
    for count, views in FIXED_VIEWS.items():
        assert (len(views), views[0]) == (count, ORIGINAL)


def test_drawn_views_depend_on_the_content_and_the_seed_alone() -> None:
    every = Distortions(flip=True, random_crop=10, random_scale=20, random_brightness=30)
    one = every.draw(b"a" * 32, seed=1)
    assert one == every.draw(b"a" * 32, seed=1)
    assert len(set(one)) == DRAWN_VIEWS
    assert one != every.draw(b"b" * 32, seed=1)
    assert one != every.draw(b"a" * 32, seed=2)
    assert Distortions().draw(b"a" * 32, seed=1) == []


@pytest.mark.parametrize("asked", [f.name for f in dataclasses.fields(Distortions)])
def test_a_distortion_does_what_its_name_says_and_no_more(asked: str) -> None:
    asked_for: dict[str, Any] = {asked: True if asked == "flip" else 25}
    distortions = Distortions(**asked_for)
    views = [view for n in range(100) for view in distortions.draw(bytes([n]) * 32, seed=0)]
    sizes = [view.scale for view in views]
    if asked == "random_crop":
        assert set(sizes) == {1 / 1.25}
        assert 0 <= min(view.left for view in views) < 0.05 < 0.95 < max(v.left for v in views) <= 1
    elif asked == "random_scale":
        assert 1 / 1.25 <= min(sizes) < 0.82 < 0.98 < max(sizes) <= 1
    else:
        assert set(sizes) == {1}
    brightness = [view.brightness for view in views]
    if asked == "random_brightness":
        assert 0.75 <= min(brightness) < 0.77 < 1.23 < max(brightness) <= 1.25
    else:
        assert set(brightness) == {1}
    mirrored = sum(view.is_mirrored for view in views)
    assert (150 < mirrored < 250) if asked == "flip" else mirrored == 0
