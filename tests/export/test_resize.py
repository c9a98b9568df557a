"""The resize in a graph: what Pillow does, to the bit, at any size."""

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor

from torch_inception.config import Resize
from torch_inception.export.packages import quiet
from torch_inception.export.resize import ImageResize
from torch_inception.images.preprocess import Preprocessing

SIZES = [
    (299, 299), (1, 1), (3, 700), (700, 2), (200, 200), (598, 299), (300, 400), (400, 300),
    (342, 342), (640, 480), (299, 900), (997, 61), (1600, 1200), (20, 1500),
]  # fmt: skip
"""Width and height: as they are, of one pixel, tall, wide, and such as one pass makes narrow first
and the other not."""


def exported(resize: Resize) -> torch.nn.Module:
    free = torch.export.Dim.DYNAMIC
    with quiet():  # torch 2.10 warns of its own ways
        program = torch.export.export(
            ImageResize(resize),
            (torch.zeros(2, 3, 30, 40),),
            dynamic_shapes=({0: free, 2: free, 3: free},),
        )
    return program.module()


@pytest.mark.parametrize("resize", ["squash", "crop", "pad", "tensorflow"])
def test_it_gives_the_pixels_that_the_classifier_sees(resize: Resize) -> None:
    graph, preprocessing = exported(resize), Preprocessing(resize)
    generator = numpy.random.default_rng(0)
    for width, height in SIZES:
        pixels = generator.integers(0, 256, (height, width, 3), dtype=numpy.uint8)
        seen = preprocessing(Image.fromarray(pixels)).astype(int)
        values = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
        found: Tensor = graph(values)
        difference = abs(found[0].permute(1, 2, 0).numpy() - seen)
        # Where the sum of two products is half a number, its last bit decides.
        allowed = 3 if resize == "tensorflow" else 0
        assert numpy.count_nonzero(difference) <= allowed, (width, height)
        assert difference.max() <= 1
