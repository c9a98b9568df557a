"""The average pool behind its convolution gives what the pool before it would."""

import pytest
import torch
from torch import Tensor

from torch_inception.network import PooledConvolution


def unit(*, count_padding: bool) -> PooledConvolution:
    generator = torch.Generator().manual_seed(5)
    made = PooledConvolution(7, 5, count_padding=count_padding).double().requires_grad_(False)
    made.weight.copy_(torch.randn(made.weight.shape, generator=generator))
    assert made.bias is not None
    made.bias.copy_(torch.randn(made.bias.shape, generator=generator))
    return made


def maps(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height * 100 + width)
    return torch.randn(2, 7, height, width, generator=generator, dtype=torch.float64)


def average(values: Tensor, *, count_padding: bool) -> Tensor:
    """Average each place's neighbours one by one: (B, C, H, W)."""
    height, width = values.shape[2:]
    averages = torch.empty_like(values)
    for y in range(height):
        for x in range(width):
            around = values[:, :, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            count = 9 if count_padding else around.shape[2] * around.shape[3]
            averages[:, :, y, x] = around.sum(dim=(2, 3)) / count
    return averages


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 8), (5, 9)])
@pytest.mark.parametrize("count_padding", [False, True])
def test_it_is_the_pool_then_the_convolution_then_bias_and_relu(
    count_padding: bool, size: tuple[int, int]
) -> None:
    pooled, values = unit(count_padding=count_padding), maps(*size)
    assert pooled.bias is not None
    kernel = pooled.weight[:, :, 0, 0]
    mixed = torch.einsum("oi,bihw->bohw", kernel, average(values, count_padding=count_padding))
    expected = (mixed + pooled.bias.view(1, -1, 1, 1)).clamp(min=0)
    found = pooled(values)
    assert found.shape == (2, 5, *size)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert (found == 0).any()
    assert torch.allclose(pooled.float()(values.float()), expected.float(), atol=1e-5)


def test_the_conventions_differ_at_the_edges_and_nowhere_else() -> None:
    counted, left_out = (unit(count_padding=way)(maps(6, 7)) for way in (True, False))
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    assert torch.allclose(counted[inner], left_out[inner], rtol=1e-12)
    differs = ((counted - left_out).abs() > 1e-6).any(dim=1).all(dim=0)
    assert differs[[0, -1]].all()
    assert differs[:, [0, -1]].all()


def test_its_input_is_left_as_it_was() -> None:
    values = maps(4, 4)
    before = values.clone()
    unit(count_padding=True)(values)
    assert torch.equal(values, before)
