"""Materials and grounds as square images that tile without a seam."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from tools.draw_shapes.colours import blend, pale, rgb, vivid
from tools.draw_shapes.geometry import FloatArray, smoothstep

SIDE = 256


def cloud_noise(rng: Generator, roughness: float, stretch: float = 1.0) -> FloatArray:
    """Draw noise whose strength falls with frequency as frequency ** -roughness.

    Args:
        rng: source of the phases.
        roughness: 0 is white noise, 1 is mottled, 2 is clouds.
        stretch: how many times longer the features are along x than along y.

    Returns:
        (SIDE, SIDE), spread over 0..1; it tiles, being a sum of whole waves.
    """
    frequency = np.fft.fftfreq(SIDE, 1 / SIDE)
    radius = np.hypot(frequency[None, :] * stretch, frequency[:, None])
    radius[0, 0] = np.inf
    spectrum = np.fft.fft2(rng.standard_normal((SIDE, SIDE))) * radius**-roughness
    field = np.fft.ifft2(spectrum).real
    low, high = np.quantile(field, [0.01, 0.99])
    return np.asarray(np.clip((field - low) / (high - low), 0, 1))


def _axes() -> tuple[FloatArray, FloatArray]:
    steps = np.arange(SIDE) / SIDE
    x, y = np.meshgrid(steps, steps)
    return x, y


def wood(rng: Generator) -> FloatArray:
    """Boards with a grain that runs along x."""
    _, y = _axes()
    boards = int(rng.integers(1, 5))
    grain = cloud_noise(rng, 1.1, stretch=14)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (6 * y + 2 * cloud_noise(rng, 1.8, stretch=8)))
    tone = 0.65 * grain + 0.35 * rings
    tone = tone + rng.uniform(-0.2, 0.2, boards)[np.minimum((y * boards).astype(int), boards - 1)]
    gap = smoothstep(0.0, 0.03, np.abs((y * boards + 0.5) % 1 - 0.5) + (boards == 1))
    hue, value = rng.uniform(0.05, 0.11), rng.uniform(0.4, 0.95)
    light, shade = rgb(hue, 0.45, value), rgb(hue, 0.7, 0.55 * value)
    return np.asarray(blend(light, shade, tone) * gap[..., None])


def brick(rng: Generator) -> FloatArray:
    """A wall of bricks in running bond."""
    x, y = _axes()
    rows, columns = 8, 4
    row = (y * rows).astype(int)
    column = x * columns + 0.5 * (row % 2)
    tones = rng.random((rows, columns))[row, column.astype(int) % columns]
    edge = np.minimum(0.5 - np.abs(y * rows % 1 - 0.5), 2 * (0.5 - np.abs(column % 1 - 0.5)))
    hue, value = rng.uniform(0.0, 0.09), rng.uniform(0.45, 0.85)
    saturation = rng.uniform(0.15, 0.75)
    face = blend(rgb(hue, saturation, value), rgb(hue, saturation, 0.6 * value), tones)
    face = face * (0.8 + 0.4 * cloud_noise(rng, 0.6))[..., None]
    return blend(rgb(0.1, 0.1, rng.uniform(0.5, 0.85)), face, smoothstep(0.06, 0.1, edge))


def grass(rng: Generator) -> FloatArray:
    """A lawn, or dry grass, seen from above."""
    blades = np.maximum(cloud_noise(rng, 0.5, 5), cloud_noise(rng, 0.5, 0.2))
    tone = 0.75 * blades + 0.25 * cloud_noise(rng, 1.5)
    hue = rng.uniform(0.16, 0.33)
    return blend(rgb(hue, 0.9, 0.2), rgb(hue - 0.04, 0.6, rng.uniform(0.5, 0.8)), tone)


def marble(rng: Generator) -> FloatArray:
    """Polished stone with veins."""
    x, y = _axes()
    waves = np.sin(2 * np.pi * (x + 2 * y + 1.5 * cloud_noise(rng, 1.7)))
    tone = 0.6 * np.abs(waves) ** 0.4 + 0.4 * cloud_noise(rng, 1.2)
    light, vein = pale(rng), rgb(rng.random(), rng.uniform(0, 0.4), rng.uniform(0.2, 0.6))
    return blend(vein, light, tone)


def asphalt(rng: Generator) -> FloatArray:
    """Road, concrete or sand: a rough ground of one tone."""
    tone = 0.6 * cloud_noise(rng, 0.2) + 0.4 * cloud_noise(rng, 1.3)
    base = rgb(rng.uniform(0.05, 0.15), rng.uniform(0, 0.4), rng.uniform(0.3, 0.9))
    return np.clip(base * (0.6 + 0.8 * tone)[..., None], 0, 1)


def cloth(rng: Generator) -> FloatArray:
    """Woven stuff: plain, striped or chequered."""
    x, y = _axes()
    threads = 0.85 + 0.15 * np.sin(2 * np.pi * 64 * x) * np.sin(2 * np.pi * 64 * y)
    bands = int(rng.integers(2, 9))
    across, along = (x * bands % 1 < 0.5), (y * bands % 1 < 0.5)
    weave = rng.choice(["plain", "striped", "chequered"], p=[0.5, 0.25, 0.25])
    share = {"plain": 0.0 * x, "striped": 1.0 * along, "chequered": 0.5 * across + 0.5 * along}
    first, second = vivid(rng), pale(rng)
    stuff = blend(first, second, share[str(weave)]) * threads[..., None]
    return np.clip(stuff * (0.8 + 0.4 * cloud_noise(rng, 1.6))[..., None], 0, 1)


def paper(rng: Generator) -> FloatArray:
    """Paper or card: blank, ruled or squared."""
    x, y = _axes()
    sheet = pale(rng) if rng.random() < 0.6 else rgb(0.09, rng.uniform(0.1, 0.5), 0.85)
    fibres = 0.94 + 0.06 * cloud_noise(rng, 0.4) + 0.03 * cloud_noise(rng, 1.8)
    ruling = rng.choice(["blank", "ruled", "squared"], p=[0.6, 0.2, 0.2])
    lines = int(rng.integers(8, 20))
    along, across = (y * lines % 1 < 0.08), (x * lines % 1 < 0.08)
    ink = {"blank": 0 * along, "ruled": along, "squared": along | across}[str(ruling)]
    return np.clip(
        blend(sheet, rgb(0.6, 0.6, 0.7), 0.5 * ink.astype(np.float64)) * fibres[..., None], 0, 1
    )


def plaster(rng: Generator) -> FloatArray:
    """A painted wall with stains."""
    paint = rgb(rng.random(), rng.uniform(0, 0.5), rng.uniform(0.5, 1))
    tone = 0.8 + 0.25 * cloud_noise(rng, 1.6) + 0.08 * cloud_noise(rng, 0.3)
    return np.clip(paint * tone[..., None], 0, 1)


def mottled(rng: Generator) -> FloatArray:
    """Two colours in soft or in sharp patches."""
    share = cloud_noise(rng, rng.uniform(0.8, 1.8))
    if rng.random() < 0.4:
        share = smoothstep(0.47, 0.53, share)
    return blend(vivid(rng), rgb(rng.random(), rng.random(), rng.uniform(0.2, 1)), share)


def speckled(rng: Generator) -> FloatArray:
    """Coloured snow, as of a camera in the dark."""
    base = rgb(rng.random(), rng.uniform(0, 0.7), rng.uniform(0.25, 0.9))
    snow = rng.normal(0, rng.uniform(0.05, 0.2), (SIDE, SIDE, 3))
    return np.clip(base + snow, 0, 1)


TEXTURES: dict[str, Callable[[Generator], FloatArray]] = {
    "asphalt": asphalt,
    "brick": brick,
    "cloth": cloth,
    "grass": grass,
    "marble": marble,
    "mottled": mottled,
    "paper": paper,
    "plaster": plaster,
    "speckled": speckled,
    "wood": wood,
}


def any_texture(rng: Generator) -> FloatArray:
    """Draw one of the textures."""
    return TEXTURES[str(rng.choice(sorted(TEXTURES)))](rng)


def sample(texture: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Look a texture up at any positions, one tile per unit, mixing the four nearest texels.

    Returns:
        An array of the shape of `x`, with three colours at the end.
    """
    column, row = x % 1 * SIDE, y % 1 * SIDE
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    share_x, share_y = (column - left)[..., None], (row - top)[..., None]
    left, right, top, below = left % SIDE, (left + 1) % SIDE, top % SIDE, (top + 1) % SIDE
    upper = texture[top, left] * (1 - share_x) + texture[top, right] * share_x
    lower = texture[below, left] * (1 - share_x) + texture[below, right] * share_x
    return np.asarray(upper * (1 - share_y) + lower * share_y)
