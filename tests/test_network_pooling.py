"""A block's pooling branch gives what the pool before its convolution would, however it pools."""

import pytest
import torch
from torch import Tensor

from torch_inception.config import Pooling
from torch_inception.network import (
    AveragePooledConvolution,
    Convolution,
    MaxPooledConvolution,
    empty_network,
)


def seeded(unit: Convolution) -> Convolution:
    generator = torch.Generator().manual_seed(5)
    made = unit.double().requires_grad_(False)
    made.weight.copy_(torch.randn(made.weight.shape, generator=generator))
    assert made.bias is not None
    made.bias.copy_(torch.randn(made.bias.shape, generator=generator))
    return made


def average(*, count_padding: bool) -> Convolution:
    return seeded(AveragePooledConvolution(7, 5, count_padding=count_padding))


def maximum() -> Convolution:
    return seeded(MaxPooledConvolution(7, 5))


def maps(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height * 100 + width)
    # Below 0 too, where a maximum that took the padding for zeros would be wrong.
    return torch.randn(2, 7, height, width, generator=generator, dtype=torch.float64) - 1


def pooled(values: Tensor, way: str) -> Tensor:
    """Pool each place's neighbours one by one: (B, C, H, W)."""
    height, width = values.shape[2:]
    found = torch.empty_like(values)
    for y in range(height):
        for x in range(width):
            around = values[:, :, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            if way == "max":
                found[:, :, y, x] = around.amax(dim=(2, 3))
            else:
                count = 9 if way == "counted" else around.shape[2] * around.shape[3]
                found[:, :, y, x] = around.sum(dim=(2, 3)) / count
    return found


UNITS = {
    "counted": lambda: average(count_padding=True),
    "left out": lambda: average(count_padding=False),
    "max": maximum,
}


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 8), (5, 9)])
@pytest.mark.parametrize("way", UNITS)
def test_it_is_the_pool_then_the_convolution_then_bias_and_relu(
    way: str, size: tuple[int, int]
) -> None:
    unit, values = UNITS[way](), maps(*size)
    assert unit.bias is not None
    mixed = torch.einsum("oi,bihw->bohw", unit.weight[:, :, 0, 0], pooled(values, way))
    expected = (mixed + unit.bias.view(1, -1, 1, 1)).clamp(min=0)
    found = unit(values)
    assert found.shape == (2, 5, *size)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert (found == 0).any()
    assert torch.allclose(unit.float()(values.float()), expected.float(), atol=1e-5)


def test_the_averages_differ_at_the_edges_and_nowhere_else() -> None:
    counted, left_out = (average(count_padding=way)(maps(6, 7)) for way in (True, False))
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    assert torch.allclose(counted[inner], left_out[inner], rtol=1e-12)
    differs = ((counted - left_out).abs() > 1e-6).any(dim=1).all(dim=0)
    assert differs[[0, -1]].all()
    assert differs[:, [0, -1]].all()


@pytest.mark.parametrize("way", UNITS)
def test_its_input_is_left_as_it_was(way: str) -> None:
    values = maps(4, 4)
    before = values.clone()
    UNITS[way]()(values)
    assert torch.equal(values, before)


@pytest.mark.parametrize(
    ("pooling", "count_padding", "maxima"),
    [
        ("torchvision", True, []),
        ("tensorflow", False, []),
        ("tensorflow-2015", False, ["Mixed_7c.branch_pool"]),
    ],
)
def test_every_convention_has_its_pools(
    pooling: Pooling, count_padding: bool, maxima: list[str]
) -> None:
    units = dict(empty_network(pooling=pooling).convolutions())
    averages = {k: v for k, v in units.items() if isinstance(v, AveragePooledConvolution)}
    assert [k for k, v in units.items() if isinstance(v, MaxPooledConvolution)] == maxima
    assert len(averages) + len(maxima) == 9
    assert {unit.count_padding for unit in averages.values()} == {count_padding}


def test_no_convention_has_other_parameters() -> None:
    shapes = [
        {name: value.shape for name, value in empty_network(pooling=way).state_dict().items()}
        for way in ("torchvision", "tensorflow", "tensorflow-2015")
    ]
    assert list(shapes[0]) == list(shapes[1]) == list(shapes[2])
    assert shapes[0] == shapes[1] == shapes[2]
