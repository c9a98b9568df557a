"""The flaws of a photograph: blur, uneven light, dark corners, grain, faded or tinted colours."""

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.canvas import Canvas, blurred
from tools.draw_shapes.geometry import FloatArray


def flawed(canvas: Canvas, rng: Generator) -> None:
    """Put some of the flaws on an image, none of them so strong as to hide the subject."""
    colour = canvas.colour
    colour = _uneven(colour, *canvas.grid, rng)
    softness = rng.choice([0.0, 0.6, 1.2]) * min(canvas.width, canvas.height) / 200
    if softness > 0:
        colour = blurred(colour, softness)
    tint, gamma = rng.uniform(0.88, 1.06, 3), rng.uniform(0.75, 1.3)
    colour = np.clip(colour * tint, 0, 1) ** gamma
    grain = rng.choice([0.0, 0.01, 0.03, 0.06])
    canvas.colour = np.clip(colour + grain * rng.standard_normal(colour.shape), 0, 1)


def _uneven(colour: FloatArray, x: FloatArray, y: FloatArray, rng: Generator) -> FloatArray:
    """Light one side more than the other, and the corners less than the middle."""
    slope = rng.uniform(-0.2, 0.2, 2)
    corners = rng.choice([0.0, 0.15, 0.35])
    light = 1 + slope[0] * x + slope[1] * y - corners * (x**2 + y**2) / 2
    return np.asarray(colour * np.clip(light, 0.3, 1.4)[..., None])


def grey(canvas: Canvas) -> None:
    """Take the colours away."""
    luminance = canvas.colour @ np.array([0.299, 0.587, 0.114])
    canvas.colour = np.repeat(luminance[..., None], 3, axis=2)
