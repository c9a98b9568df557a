"""The whole way from the pixels of images to the answer, as one module that runtimes can take."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from torch_inception.classifier.explanation import spread_over_pixels
from torch_inception.classifier.model_file import Model
from torch_inception.export.resize import ImageResize
from torch_inception.exported.description import DISTANCE, MAP, PROBABILITIES
from torch_inception.heads.class_space import LAYER, ClassSpace, ImageSpace
from torch_inception.heads.head import Head, IndependentHead, independent_probabilities
from torch_inception.heads.inputs import ROOTED, head_layers
from torch_inception.heads.nearest_space import NearestSpace
from torch_inception.network import COLUMNS, LAYERS, InceptionV3, spatial_means


class ImageGraph(nn.Module):
    """A classifier without its decoder.

    Args:
        model: head, labels and preprocessing.
        network: folded, with the weights that the model names.
        factors: (4096,) what the network's rows are to be multiplied by, where its channels were
            evened out; see `engines/openvino/smoothing.py`.
    """

    factors: Tensor | None

    def __init__(self, model: Model, network: InceptionV3, factors: Tensor | None = None) -> None:
        super().__init__()
        self.value_range = model.preprocessing.value_range
        self.half_features = model.half_features
        self.resize = ImageResize(model.preprocessing.resize)
        self.network = network
        self.register_buffer("factors", factors)
        self.head = _HeadGraph(model.head, model.mean_inputs)
        self.space = None if model.space is None else _space_graph(model.space)

    @property
    def is_deep(self) -> bool:
        """Whether it takes values of more than 8 bits, which it scales by a fixed range."""
        return self.value_range is not None

    @property
    def outputs(self) -> list[str]:
        """Names of what `forward` returns, in order."""
        return [PROBABILITIES, MAP] if self.space is None else [PROBABILITIES, MAP, DISTANCE]

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Map images to what is said of them.

        Args:
            image: (N, H, W, 3) RGB, upright; uint8, or float32 values where `is_deep`.

        Returns:
            `PROBABILITIES` (N, C) float32, calibrated; each row sums to 1, unless an image may have
            several labels.
            `MAP` (N, 299, 299) float32, in logits per pixel: what of that which the network sees
            speaks for the best class, and what against it; `Explanation.seen`.
            `DISTANCE` (N,) float32 from the training images, `ImageSpace.distances`; not there
            where the model does not know them.
        """
        pixels = image.permute(0, 3, 1, 2).float()
        if self.value_range is not None:
            pixels = _to_bytes(pixels, *self.value_range)
        maps = self._maps(self.resize(pixels))
        rows = spatial_means(maps)
        if self.half_features:
            rows = _rounded_to_half(rows)
        probabilities, of_best = self.head(maps, rows)
        answer = {PROBABILITIES: probabilities, MAP: of_best}
        return answer if self.space is None else {**answer, DISTANCE: self.space(rows)}

    def _maps(self, pixels: Tensor) -> Sequence[Tensor]:
        maps: Sequence[Tensor] = self.network(pixels)
        if self.factors is None:
            return maps
        factors = torch.split(self.factors, list(LAYERS.values()))
        return [each * own[:, None, None] for each, own in zip(maps, factors, strict=True)]


def _to_bytes(values: Tensor, low: float, high: float) -> Tensor:
    """Do as `images.deep.to_bytes`: NaN becomes 0, as all do where the range has no length."""
    if not high > low:
        return torch.zeros_like(values)
    scaled = (values - low) / (high - low) * 255
    return torch.where(scaled.isnan(), 0.0, scaled).clamp(0, 255).round()


def _rounded_to_half(rows: Tensor) -> Tensor:
    """Round to the 11 binary digits of float16, in float32.

    It is Veltkamp's splitting (Dekker 1971, "A Floating-Point Technique for Extending the Available
    Precision", section 4). Some runtimes drop a conversion to float16 and back. Under 6e-5, float16
    has fewer digits than what this leaves.
    """
    scaled = rows * (2**13 + 1)
    return scaled - (scaled - rows)


class _HeadGraph(nn.Module):
    """Probabilities, and the map of the best class: `Head` and `explanation.logit_maps`."""

    weight: Tensor
    bias: Tensor
    mean_logits: Tensor

    def __init__(self, head: Head, mean_inputs: Tensor | None) -> None:
        super().__init__()
        self.layers = head_layers(head)
        self.is_independent = isinstance(head, IndependentHead)
        self.is_rooted = head.layers == "all"
        self.register_buffer("weight", head.weight)
        self.register_buffer("bias", head.bias)
        mean = torch.zeros_like(head.weight[0]) if mean_inputs is None else mean_inputs
        self.sizes = [LAYERS[layer] for layer in self.layers]
        parts = torch.split(head.weight * mean, self.sizes, dim=1)
        # (C, layers): what the average image brings to each logit.
        self.register_buffer("mean_logits", torch.stack([part.sum(dim=1) for part in parts], dim=1))
        for layer in self.layers:
            places = 17 if layer == "Mixed_6e" else 8
            spread = torch.from_numpy(spread_over_pixels(layer, places)).float()
            self.register_buffer(f"spread_{layer}", spread)

    def forward(self, maps: Sequence[Tensor], rows: Tensor) -> tuple[Tensor, Tensor]:
        """Map maps of `network.LAYERS` and rows (N, 4096) to (N, C) and (N, 299, 299)."""
        inputs = rows[:, -self.weight.shape[1] :]
        if self.is_rooted:
            inputs = torch.cat([inputs[:, :ROOTED].clamp(min=0).sqrt(), inputs[:, ROOTED:]], dim=1)
        logits = inputs @ self.weight.T + self.bias
        best = logits.argmax(dim=1)
        is_independent = self.is_independent
        found = independent_probabilities(logits) if is_independent else logits.softmax(dim=1)
        return found, self._map(maps, inputs, best)

    def _map(self, maps: Sequence[Tensor], inputs: Tensor, best: Tensor) -> Tensor:
        parts = torch.split(self.weight[best] * inputs, self.sizes, dim=1)
        found = []
        for number, layer in enumerate(self.layers):
            of_layer = maps[list(COLUMNS).index(layer)]
            totals = of_layer.sum(dim=(2, 3))
            shares = torch.where(totals > 0, parts[number] / totals, 0.0)
            by_place = (shares[:, :, None, None] * of_layer).sum(dim=1)
            places = of_layer.shape[2] * of_layer.shape[3]
            by_place = by_place - self.mean_logits[best, number, None, None] / places
            spread = getattr(self, f"spread_{layer}")
            found.append(spread @ by_place @ spread.T)
        return torch.stack(found).sum(dim=0)


def _space_graph(space: ImageSpace) -> nn.Module:
    if isinstance(space, NearestSpace):
        return _NearestGraph(space)
    assert isinstance(space, ClassSpace)
    return _SpaceGraph(space)


class _NearestGraph(nn.Module):
    """Distances, as `NearestSpace.distances` computes them."""

    middle: Tensor
    axes: Tensor
    images: Tensor

    def __init__(self, space: NearestSpace) -> None:
        super().__init__()
        self.register_buffer("middle", space.middle)
        self.register_buffer("axes", space.axes)
        self.register_buffer("images", space.images.float())

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (N, 4096) to distances (N,), 0 or more."""
        own = (rows[:, COLUMNS[LAYER]].clamp(min=0).sqrt() - self.middle) @ self.axes
        lengths = self.images.square().sum(dim=1) - 2 * own @ self.images.T
        squares = lengths.amin(dim=1) + own.square().sum(dim=1)
        return squares.clamp(min=0).sqrt()


class _SpaceGraph(nn.Module):
    """Distances, as `ClassSpace.distances` computes them."""

    middle: Tensor
    axes: Tensor
    whitening: Tensor
    shares: Tensor
    means: Tensor

    def __init__(self, space: ClassSpace) -> None:
        super().__init__()
        for name in ("middle", "axes", "whitening", "shares", "means"):
            self.register_buffer(name, getattr(space, name))
        self.rest, self.offset = space.rest, space.offset

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (N, 4096) to distances (N,), 0 or more."""
        centred = rows[:, COLUMNS[LAYER]].clamp(min=0).sqrt() - self.middle
        along = centred @ self.axes
        across = (centred.square().sum(dim=1) - along.square().sum(dim=1)).clamp(min=0)
        coordinates = along @ self.whitening.T
        apart = coordinates[:, None] - self.means
        to_classes = apart.square().sum(dim=2).amin(dim=1)
        to_all = along.square() @ self.shares
        difference = to_classes - to_all + self.rest * across
        return (difference + self.offset).clamp(min=0).sqrt()
