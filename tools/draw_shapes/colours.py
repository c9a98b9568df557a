"""Colours drawn at random, and pairs of them that stand apart."""

import colorsys

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.geometry import FloatArray

WHITE = np.array([1.0, 1.0, 1.0])
BLACK = np.array([0.0, 0.0, 0.0])


def rgb(hue: float, saturation: float, value: float) -> FloatArray:
    """Convert a colour from hue, saturation and value, each in 0..1."""
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value))


def luminance(colour: FloatArray) -> float:
    """Give the brightness of a colour as the eye sees it, in 0..1."""
    return float(colour @ np.array([0.299, 0.587, 0.114]))


def vivid(rng: Generator) -> FloatArray:
    """Draw a strong colour of any hue."""
    return rgb(rng.random(), rng.uniform(0.55, 1), rng.uniform(0.5, 1))


def pale(rng: Generator) -> FloatArray:
    """Draw white, or nearly white."""
    return WHITE.copy() if rng.random() < 0.4 else rgb(rng.random(), rng.uniform(0, 0.25), 0.95)


def dark(rng: Generator) -> FloatArray:
    """Draw black, or nearly black."""
    return BLACK.copy() if rng.random() < 0.4 else rgb(rng.random(), rng.random(), 0.25)


def any_colour(rng: Generator) -> FloatArray:
    """Draw a colour: strong, dull, pale or dark."""
    kind = rng.integers(6)
    if kind == 0:
        return pale(rng)
    if kind == 1:
        return dark(rng)
    if kind == 2:
        return rgb(rng.random(), rng.uniform(0, 0.35), rng.uniform(0.3, 0.8))
    return vivid(rng)


def apart_from(ground: FloatArray, rng: Generator, gap: float = 0.33) -> FloatArray:
    """Draw a colour whose brightness differs from that of `ground` by at least `gap`."""
    ink = any_colour(rng)
    while abs(luminance(ink) - luminance(ground)) < gap:
        ink = any_colour(rng)
    return ink


def ink_and_ground(rng: Generator) -> tuple[FloatArray, FloatArray]:
    """Draw the two colours of an icon: dark on light, light on dark, or coloured on any."""
    kind = rng.choice(["dark on light", "light on dark", "coloured on light", "any"],
                      p=[0.4, 0.17, 0.23, 0.2])  # fmt: skip
    if kind == "dark on light":
        return dark(rng), pale(rng)
    if kind == "light on dark":
        return pale(rng), dark(rng)
    ground = pale(rng) if kind == "coloured on light" else any_colour(rng)
    return apart_from(ground, rng), ground


def blend(first: FloatArray, second: FloatArray, share: FloatArray) -> FloatArray:
    """Mix two colours, `share` of shape (height, width) being the part of the second."""
    return first + (second - first) * np.clip(share, 0, 1)[..., None]
