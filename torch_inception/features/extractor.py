"""The feature extractor on its own, for those who want rows and not classes."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy
from numpy.typing import NDArray

from torch_inception.config import DEFAULT_WEIGHTS, Device, PoolingChoice, Resize
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.engines.protocol import Engine
from torch_inception.errors import ImageError
from torch_inception.features.cached_pass import run_pass
from torch_inception.features.image_rows import ImageInput, stream_rows
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import FEATURES, ROW_SIZE
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.torch_modes import default_modes
from torch_inception.weights.load import load_weights


class FeatureExtractor:
    """Maps images to rows of 2048 features.

    Args:
        weights: sources of the network's weights, comma-separated, tried in order.
        pooling: of the network; "auto" is what the weights were trained with.
        resize: how an image becomes 299 x 299; see `Preprocessing`.
        exact_decode: whether large JPEGs are decoded at full size; see `Preprocessing`.
        device: where the network runs.
        engine: what runs the network, where the caller has one already; then `weights`, `pooling`
            and `device` are of no use.

    Raises:
        WeightsError: no source works.
        ConfigError: a source, the pooling or the device is unknown.
    """

    @default_modes()
    def __init__(
        self,
        weights: str | Path = DEFAULT_WEIGHTS,
        *,
        pooling: PoolingChoice = "auto",
        resize: Resize = "squash",
        exact_decode: bool = False,
        device: Device = "auto",
        engine: Engine | None = None,
    ) -> None:
        self.engine: Engine = engine or load_engine(
            load_weights(weights, pooling=pooling), device=choose_device(device)
        )
        self.preprocessing = Preprocessing(resize, exact_decode=exact_decode)

    @default_modes()
    def __call__(self, items: Iterable[ImageInput]) -> NDArray[numpy.float32]:
        """Return the features of images.

        Args:
            items: paths, PIL images or uint8 tensors (3, H, W), in any mixture.

        Returns:
            (N, 2048) float32; row i belongs to image i. Rows of paths come from the cache and
            are rounded to float16, as it keeps them, also when they are computed anew.

        Raises:
            ImageError: an image cannot be read; no other is put in its place.
            CacheError: the feature cache cannot be used.
            TypeError: what is given is not a list of images.
        """
        if isinstance(items, (str, os.PathLike)) or not isinstance(items, Iterable):
            raise TypeError(f"give a list of images, not one {type(items).__name__}")
        images = list(items)
        rows = numpy.empty((len(images), ROW_SIZE), numpy.float32)
        named = [i for i, item in enumerate(images) if isinstance(item, (str, os.PathLike))]
        if named:
            rows[named] = self._rows_of_paths([Path(images[i]) for i in named])  # type: ignore[arg-type]
        others = sorted(set(range(len(images))) - set(named))
        computed = stream_rows(self.engine, self.preprocessing, [images[i] for i in others])
        for number, row in zip(others, computed, strict=True):
            if isinstance(row, ImageError):
                raise ImageError(f"image {number}: {row}") from row
            rows[number] = row
        return rows[:, -FEATURES:]

    def _rows_of_paths(self, paths: list[Path]) -> NDArray[numpy.float32]:
        result = run_pass(self.engine, self.preprocessing, paths, cache=cache_folder())
        if result.skipped:
            first = result.skipped[0]
            raise ImageError(f"{first.path}: {first.reason}")
        return result.rows.tensor().numpy()
