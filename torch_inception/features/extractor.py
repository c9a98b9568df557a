"""The feature extractor on its own, for those who want rows and not classes."""

import copy
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy
from numpy.typing import NDArray

from torch_inception.config import (
    DEFAULT_WEIGHTS,
    BadImages,
    Device,
    PoolingChoice,
    Resize,
    check_choice,
)
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.engines.protocol import Engine
from torch_inception.errors import ConfigError, ImageError
from torch_inception.features.cached_pass import run_pass
from torch_inception.features.image_rows import FeatureRow, stream_rows
from torch_inception.images.facts_tally import FactsTally
from torch_inception.images.image_input import (
    ImageInput,
    check_list,
    image_name,
    is_path_of_something,
    path_column,
)
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import COLUMNS, LAYERS
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.torch_modes import default_modes
from torch_inception.weights.load import load_weights

if TYPE_CHECKING:
    from sklearn.utils import Tags

log = logging.getLogger(__name__)

_TOLD = {"skip": "skipped: %s: %s", "nan": "a row of NaN: %s: %s"}

_OF_IMAGES = ("resize", "exact_decode", "intensity", "page", "channels")
"""Parameters that are those of `Preprocessing`."""

_OF_NETWORK = {"weights", "pooling", "device", "engine"}
"""Parameters after whose change the network is loaded again."""


class FeatureExtractor:
    """Maps images to rows of features.

    It is a transformer of scikit-learn, which need not be installed: it can be a step of a
    `Pipeline`, and `clone`, `cross_val_score` and `GridSearchCV` take it. There is nothing to fit.
    Copies that scikit-learn makes share the network.

    The network is loaded here, and by `set_params`, so that errors come early.

    Args:
        weights: sources of the network's weights, comma-separated, tried in order.
        pooling: of the network; "auto" is what the weights were trained with.
        resize: how an image becomes 299 x 299; see `Preprocessing`.
        exact_decode: whether large JPEGs are decoded at full size; see `Preprocessing`.
        intensity: what values of more than 8 bits are scaled to 8 bits by: "image" or "LOW,HIGH";
            see `Preprocessing`.
        page: of a TIFF of several pages: a number from 1, "max" or "mean"; "" for the first.
        channels: of a TIFF of several channels: up to three numbers from 1, such as "1,2"; "" for
            the first.
        device: where the network runs.
        engine: what runs the network, where the caller has one already; then `weights`, `pooling`
            and `device` are of no use.
        errors: what becomes of images that cannot be read: "raise" raises an error, "skip" leaves
            their rows out, "nan" gives them rows of NaN; a warning is logged for each then. With
            "skip" rows and labels no longer fit together, so pipelines want one of the others.
        layers: of which layers a row has the spatial means: "last" is the 2048 of Mixed_7c, "all"
            the 4096 of Mixed_6e (768), Mixed_7a (1280) and Mixed_7c; a list of these names gives
            theirs, in its order. One pass computes all of them.

    Attributes:
        engine: what runs the network.
        preprocessing: how an image becomes 299 x 299.

    Raises:
        WeightsError: no source works.
        ConfigError: a source, the pooling, the device, a layer or another choice is unknown.
    """

    def __init__(
        self,
        weights: str | Path = DEFAULT_WEIGHTS,
        *,
        pooling: PoolingChoice = "auto",
        resize: Resize = "squash",
        exact_decode: bool = False,
        intensity: str = "image",
        page: str = "",
        channels: str = "",
        device: Device = "auto",
        engine: Engine | None = None,
        errors: BadImages = "raise",
        layers: Literal["last", "all"] | Sequence[str] = "last",
    ) -> None:
        parameters = {
            "weights": weights, "pooling": pooling, "resize": resize, "exact_decode": exact_decode,
            "intensity": intensity, "page": page, "channels": channels,
            "device": device, "engine": engine, "errors": errors, "layers": layers,
        }  # fmt: skip
        self._use(parameters, engine)

    @default_modes()
    def _use(self, parameters: dict[str, Any], engine: Engine | None) -> None:
        """Take parameters, all or, where there is an error, none."""
        check_choice("errors", parameters["errors"], BadImages)
        layers = _layer_names(parameters["layers"])
        preprocessing = Preprocessing(**{name: parameters[name] for name in _OF_IMAGES})
        if preprocessing.intensity == "dataset":
            raise ConfigError("intensity = 'dataset' is for training; give 'image' or 'LOW,HIGH'.")
        if engine is None:
            weights = load_weights(parameters["weights"], pooling=parameters["pooling"])
            engine = load_engine(weights, device=choose_device(parameters["device"]))
        self.engine: Engine = engine
        self.preprocessing = preprocessing
        self._layers = layers
        self._parameters = parameters

    @default_modes()
    def __call__(self, items: Iterable[ImageInput]) -> NDArray[numpy.float32]:
        """Return the features of images.

        Args:
            items: paths, contents of files, binary file objects (each is read from where it
                stands), PIL images, uint8 arrays (H, W, 3) of RGB or uint8 tensors (3, H, W), in
                any mixture; or a data frame with a column `path`, or with one column.

        Returns:
            (N, 2048) float32, or (N, 4096) or another length with other `layers`; row i belongs
            to image i, or with `errors="skip"` to the i-th image that could be read. Rows of paths
            come from the cache and are rounded to float16, as it keeps them, also when they are
            computed anew.

        Raises:
            ImageError: an image cannot be read, with `errors="raise"`; no other is put in its
                place.
            CacheError: the feature cache cannot be used.
            TypeError: what is given is not a list of images.
        """
        items = path_column(items)
        check_list(items)
        paths: dict[int, Path] = {}
        others: list[int] = []

        def in_memory() -> Iterator[ImageInput]:
            for number, item in enumerate(items):
                if is_path_of_something(item):
                    paths[number] = Path(item)
                else:
                    others.append(number)
                    yield item

        found: dict[int, FeatureRow | ImageError] = {}
        tally = FactsTally(self.preprocessing)
        for row in stream_rows(self.engine, self.preprocessing, in_memory(), tally=tally):
            number = others[len(found)]
            found[number] = self._accepted(row, image_name(None, number))
        tally.tell()
        found |= self._rows_of_paths(paths)
        return self._stacked([found[number] for number in sorted(found)])

    def fit(self, X: Iterable[ImageInput], y: object = None) -> "FeatureExtractor":  # noqa: N803
        """Do nothing: the network is frozen. Neither argument is looked at."""
        return self

    def transform(self, X: Iterable[ImageInput]) -> NDArray[numpy.float32]:  # noqa: N803
        """Return the features of images, as a call does."""
        return self(X)

    def fit_transform(
        self,
        X: Iterable[ImageInput],  # noqa: N803
        y: object = None,
    ) -> NDArray[numpy.float32]:
        """Return the features of images, as a call does; `y` is not looked at."""
        return self(X)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments of the constructor, as they were given."""
        return dict(self._parameters)

    def set_params(self, **parameters: Any) -> "FeatureExtractor":  # noqa: ANN401
        """Change arguments of the constructor; the network is loaded again if it is another.

        Raises:
            ConfigError: there is no such argument, or its value cannot be used.
            WeightsError: no source works.
        """
        for name in parameters:
            if name not in self._parameters:
                known = ", ".join(self._parameters)
                raise ConfigError(f"FeatureExtractor has no parameter {name!r}; known: {known}.")
        changed = self._parameters | parameters
        is_other = not _OF_NETWORK.isdisjoint(parameters)
        self._use(changed, changed["engine"] if is_other else self.engine)
        return self

    def __sklearn_clone__(self) -> "FeatureExtractor":
        # The network is frozen, so that copies can share it: each fold would load it again.
        return copy.copy(self)

    def __sklearn_tags__(self) -> "Tags":
        # Only scikit-learn asks, so that it is there.
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type="transformer",
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=[]),
            input_tags=InputTags(one_d_array=True, two_d_array=False, string=True),
            no_validation=True,
            requires_fit=False,
        )

    def _rows_of_paths(self, paths: Mapping[int, Path]) -> dict[int, FeatureRow | ImageError]:
        if not paths:
            return {}
        result = run_pass(
            self.engine, self.preprocessing, list(paths.values()), cache=cache_folder()
        )
        reasons = {path: ImageError(reason) for path, reason in result.skipped}
        rows = iter(result.rows.tensor().numpy())
        return {
            number: self._accepted(reasons.get(path) or next(rows), str(path))
            for number, path in paths.items()
        }

    def _accepted(self, row: FeatureRow | ImageError, name: str) -> FeatureRow | ImageError:
        """Return a row, or an error that stands for one; raise or tell of the error."""
        if isinstance(row, ImageError):
            if self._parameters["errors"] == "raise":
                raise ImageError(f"{name}: {row}") from row
            log.warning(_TOLD[self._parameters["errors"]], name, row)
        return row

    def _stacked(self, found: Sequence[FeatureRow | ImageError]) -> NDArray[numpy.float32]:
        if self._parameters["errors"] == "skip":
            found = [row for row in found if not isinstance(row, ImageError)]
        size = sum(LAYERS[name] for name in self._layers)
        rows = numpy.full((len(found), size), numpy.nan, numpy.float32)
        for place, row in enumerate(found):
            if not isinstance(row, ImageError):
                rows[place] = numpy.concatenate([row[COLUMNS[name]] for name in self._layers])
        return rows


def _layer_names(layers: object) -> list[str]:
    """Return the names of the layers that are asked for.

    Raises:
        ConfigError: they are none that a row has.
    """
    known = list(LAYERS)
    if layers in ("last", "all"):
        return known[-1:] if layers == "last" else known
    names = list(layers) if isinstance(layers, Sequence) and not isinstance(layers, str) else []
    if not names or any(name not in known for name in names):
        raise ConfigError(
            f"layers = {layers!r} must be 'last', 'all' or a list of {', '.join(known)}."
        )
    return names
