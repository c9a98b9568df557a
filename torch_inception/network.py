"""Inception-v3 without its classifier, as inference needs it.

The structure is that of "Rethinking the Inception Architecture for Computer Vision" (Szegedy et
al., 2015, arXiv:1512.00567) in the form that torchvision's `inception_v3` gives it, and the layer
names are torchvision's. Each unit is one convolution with a bias: batch normalisation, a fixed
affine map at inference, is folded into it when weights are loaded (`folding.py`). So there is
nothing here that could behave differently in training mode.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional

from torch_inception.config import Pooling

LAYERS = {"Mixed_6e": 768, "Mixed_7a": 1280, "Mixed_7c": 2048}
"""Layer -> channels of its map. A row has the spatial means of these maps, in this order."""

ROW_SIZE = sum(LAYERS.values())
"""Length of a row of features: 4096."""

COLUMNS = {
    name: slice(end - LAYERS[name], end)
    for name, end in zip(LAYERS, accumulate(LAYERS.values()), strict=True)
}
"""Layer -> its place in a row."""

LAST_LAYER_SIZE = LAYERS["Mixed_7c"]
"""Channels of the last layer, which ImageNet's classifier reads; they end a row."""

BATCH_NORM_EPSILON = 1e-3
"""Added to the variance; torchvision's, Keras' and Google's Inception-v3 all use it."""

HAS_ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
"""Whether torch was built with it, whether or not it is switched on."""

Kernel = int | tuple[int, int]


def convolve(
    maps: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
) -> Tensor:
    """Do as `functional.conv2d`, the same whatever the program has set for the whole process.

    On a processor oneDNN is called by name: on one thread `conv2d` would make a matrix product of
    a 1 x 1 kernel, which is slower (the network then takes 1.3 times as long), and rounds as
    `torch.set_float32_matmul_precision` says. One setting is obeyed still, that of
    `torch.backends.mkldnn.conv.fp32_precision`. On a GPU, cuDNN is kept from rounding to TF32.

    Args:
        maps: (B, in, H, W).
        weight: (out, in, height, width).
        bias: (out,), or none.
        stride: down and across.
        padding: zeros above and below, left and right.
    """
    # Who traces or exports the network wants an operation that other programs know, too.
    if torch.compiler.is_exporting():
        return functional.conv2d(maps, weight, bias, tuple(stride), tuple(padding))
    is_traced = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    on_processor = maps.device.type == "cpu" and maps.dtype == torch.float32
    if on_processor and HAS_ONEDNN and not is_traced:
        return torch.mkldnn_convolution(maps, weight, bias, padding, stride, (1, 1), 1)
    benchmark = deterministic = allow_tf32 = False
    return torch._convolution(
        maps, weight, bias, stride, padding, (1, 1), False, (0, 0), 1,
        benchmark, deterministic, True, allow_tf32,
    )  # fmt: skip


class Convolution(nn.Conv2d):
    """A convolution with bias, followed by ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Kernel,
        *,
        stride: int = 1,
        padding: Kernel = 0,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride=stride, padding=padding)

    def forward(self, pixels: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, H', W'), all values >= 0."""
        assert not isinstance(self.padding, str)
        maps = convolve(pixels, self.weight, self.bias, stride=self.stride, padding=self.padding)
        return maps.relu_()


class AveragePooledConvolution(Convolution):
    """A 3 x 3 average at stride 1, size kept, then a 1 x 1 convolution with bias and ReLU.

    Both are linear, so the average is taken last, where there are fewer channels; the bias comes
    after it, because padding that counts must not carry a bias.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        count_padding: whether the zeros around the edge count in the mean. torchvision's network
            counts them; TensorFlow's 'SAME' pooling does not.
    """

    def __init__(self, in_channels: int, out_channels: int, *, count_padding: bool) -> None:
        super().__init__(in_channels, out_channels, 1)
        self.count_padding = count_padding

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, H, W), all values >= 0."""
        assert self.bias is not None
        mixed = convolve(maps, self.weight, None)
        averages = functional.avg_pool2d(
            mixed, 3, stride=1, padding=1, count_include_pad=self.count_padding
        )
        return averages.add_(self.bias.view(1, -1, 1, 1)).relu_()


class MaxPooledConvolution(Convolution):
    """A 3 x 3 maximum at stride 1, size kept, then a 1 x 1 convolution with bias and ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, H, W), all values >= 0."""
        return super().forward(functional.max_pool2d(maps, 3, stride=1, padding=1))


PoolingBranch = Callable[[int, int], Convolution]
"""Makes a block's pooling branch from its numbers of input and output channels."""


class InceptionA(nn.Module):
    """The 35 x 35 block (figure 5 of the paper)."""

    def __init__(self, in_channels: int, *, pool_features: int, pool: PoolingBranch) -> None:
        super().__init__()
        self.branch1x1 = Convolution(in_channels, 64, 1)
        self.branch5x5_1 = Convolution(in_channels, 48, 1)
        self.branch5x5_2 = Convolution(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Convolution(in_channels, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, padding=1)
        self.branch_pool = pool(in_channels, pool_features)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in, 35, 35) to (B, 224 + pool_features, 35, 35)."""
        branches = [
            self.branch1x1(x),
            self.branch5x5_2(self.branch5x5_1(x)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            self.branch_pool(x),
        ]
        return torch.cat(branches, dim=1)


class InceptionB(nn.Module):
    """The reduction from 35 x 35 to 17 x 17 (figure 10)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch3x3 = Convolution(in_channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = Convolution(in_channels, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in, 35, 35) to (B, 480 + in, 17, 17)."""
        branches = [
            self.branch3x3(x),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            functional.max_pool2d(x, 3, stride=2),
        ]
        return torch.cat(branches, dim=1)


class InceptionC(nn.Module):
    """The 17 x 17 block with 1 x 7 and 7 x 1 convolutions (figure 6)."""

    def __init__(self, in_channels: int, *, width: int, pool: PoolingBranch) -> None:
        super().__init__()
        self.branch1x1 = Convolution(in_channels, 192, 1)
        self.branch7x7_1 = Convolution(in_channels, width, 1)
        self.branch7x7_2 = Convolution(width, width, (1, 7), padding=(0, 3))
        self.branch7x7_3 = Convolution(width, 192, (7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = Convolution(in_channels, width, 1)
        self.branch7x7dbl_2 = Convolution(width, width, (7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = Convolution(width, width, (1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = Convolution(width, width, (7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = Convolution(width, 192, (1, 7), padding=(0, 3))
        self.branch_pool = pool(in_channels, 192)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in, 17, 17) to (B, 768, 17, 17)."""
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        branches = [
            self.branch1x1(x),
            self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x))),
            self.branch7x7dbl_5(self.branch7x7dbl_4(double)),
            self.branch_pool(x),
        ]
        return torch.cat(branches, dim=1)


class InceptionD(nn.Module):
    """The reduction from 17 x 17 to 8 x 8."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch3x3_1 = Convolution(in_channels, 192, 1)
        self.branch3x3_2 = Convolution(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Convolution(in_channels, 192, 1)
        self.branch7x7x3_2 = Convolution(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Convolution(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Convolution(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in, 17, 17) to (B, 512 + in, 8, 8)."""
        separated = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        branches = [
            self.branch3x3_2(self.branch3x3_1(x)),
            self.branch7x7x3_4(separated),
            functional.max_pool2d(x, 3, stride=2),
        ]
        return torch.cat(branches, dim=1)


class InceptionE(nn.Module):
    """The 8 x 8 block, whose 3 x 3 branches end in a pair side by side (figure 7)."""

    def __init__(self, in_channels: int, *, pool: PoolingBranch) -> None:
        super().__init__()
        self.branch1x1 = Convolution(in_channels, 320, 1)
        self.branch3x3_1 = Convolution(in_channels, 384, 1)
        self.branch3x3_2a = Convolution(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Convolution(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Convolution(in_channels, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Convolution(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Convolution(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = pool(in_channels, 192)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in, 8, 8) to (B, 2048, 8, 8)."""
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        branches = [
            self.branch1x1(x),
            self.branch3x3_2a(single),
            self.branch3x3_2b(single),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(x),
        ]
        return torch.cat(branches, dim=1)


class InceptionV3(nn.Sequential):
    """The whole network without its classifier.

    Its input are pixel values on the scale 0 to 255: `folding.py` folds the scaling in.

    Args:
        pooling: the convention of the pooling branches.
    """

    def __init__(self, *, pooling: Pooling) -> None:
        super().__init__()
        average = partial(AveragePooledConvolution, count_padding=pooling == "torchvision")
        last = MaxPooledConvolution if pooling == "tensorflow-2015" else average
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, padding=1)
        self.maxpool1 = nn.MaxPool2d(3, stride=2)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.maxpool2 = nn.MaxPool2d(3, stride=2)
        self.Mixed_5b = InceptionA(192, pool_features=32, pool=average)
        self.Mixed_5c = InceptionA(256, pool_features=64, pool=average)
        self.Mixed_5d = InceptionA(288, pool_features=64, pool=average)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b = InceptionC(768, width=128, pool=average)
        self.Mixed_6c = InceptionC(768, width=160, pool=average)
        self.Mixed_6d = InceptionC(768, width=160, pool=average)
        self.Mixed_6e = InceptionC(768, width=192, pool=average)
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b = InceptionE(1280, pool=average)
        self.Mixed_7c = InceptionE(2048, pool=last)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (B, 3, 299, 299) to the maps of `LAYERS`.

        Returns:
            (B, 768, 17, 17), (B, 1280, 8, 8) and (B, 2048, 8, 8), all values >= 0.
        """
        maps: dict[str, Tensor] = {}
        for name, unit in self.named_children():
            pixels = unit(pixels)
            if name in LAYERS:
                maps[name] = pixels
        return maps["Mixed_6e"], maps["Mixed_7a"], maps["Mixed_7c"]

    def convolutions(self) -> Iterator[tuple[str, Convolution]]:
        """Yield (torchvision's name, unit), in the order in which the network is described.

        It is also the order in which Keras creates its `conv2d_1` to `conv2d_94`.
        """
        for name, module in self.named_modules():
            if isinstance(module, Convolution):
                yield name, module


def spatial_means(maps: Sequence[Tensor]) -> Tensor:
    """Map the maps of `LAYERS`, (B, C, H, W) each, to rows (B, 4096): their means over H and W."""
    return torch.cat([each.mean(dim=(2, 3)) for each in maps], dim=1)


def empty_network(*, pooling: Pooling) -> InceptionV3:
    """Make the network without memory for its parameters: for shapes, or to be filled."""
    with torch.device("meta"):
        return InceptionV3(pooling=pooling).requires_grad_(False)
