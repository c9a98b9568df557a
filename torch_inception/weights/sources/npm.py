"""The source `npm:nsfwjs`: real Inception-v3 weights from the npm registry.

The package nsfwjs (MIT licence) is a filter for pornographic images. Its network is a Keras
Inception-v3 that was pretrained on ImageNet, then partly fine-tuned for that filter, then quantised
to 8 bits. It is for machines that reach a package registry and nothing else.
"""

import logging
from collections.abc import Sequence

from torch_inception.errors import WeightsError
from torch_inception.system.npm_pack import PATIENCE_SECONDS, NpmError, NpmPackage, fetch_files
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.formats.keras.layers import to_torchvision_names
from torch_inception.weights.formats.tensorflow_js.minified import read_model, read_shard
from torch_inception.weights.formats.tensorflow_js.tensors import read_layers
from torch_inception.weights.store import cache_weights, load_cached_weights

log = logging.getLogger(__name__)

SOURCE = "npm:nsfwjs"
VERSION = "4.4.0"
PACKAGE = NpmPackage(
    "nsfwjs",
    VERSION,
    "krC1fgeTLXtZwgdpKJ0jm7hqv0gTSRQQRL+FhOaxaJ9Wj92t42BO3csO2odwgTAgZgf2RvkwPtp0R8Aa7dc+MA==",
)

WHAT_IT_IS = (
    "WARNING: npm:nsfwjs is the network of a filter for pornographic images,\n"
    "pretrained on ImageNet before that. Use --weights imagenet where you can."
)

_FILES = [
    f"package/dist/models/inception_v3/{name}.min.js"
    for name in ("model", *(f"group1-shard{number}of6" for number in range(1, 7)))
]


def load(*, patience: float = PATIENCE_SECONDS) -> Weights:
    """Return the converted weights, from the user's cache or by `npm pack`.

    Args:
        patience: seconds for which the registry may be silent, where the user's npm has no
            setting for it.

    Raises:
        WeightsError: npm is missing or fails, or the package is not the one that is pinned.
        CacheError: there is no folder to keep them in.
    """
    name = f"nsfwjs-{VERSION}"
    weights = load_cached_weights(name)
    if weights is None:
        log.info("weights: asking npm for nsfwjs@%s (25 MB)", VERSION)
        try:
            files = fetch_files(PACKAGE, _FILES, patience=patience)
        except NpmError as error:
            raise WeightsError(f"{error} Or name a file in --weights.") from error
        weights = _convert(files)
        cache_weights(name, weights)
    return weights


def _convert(files: Sequence[bytes]) -> Weights:
    """Turn the package's files into weights. Nothing in them is run."""
    model, *shards = (file.decode() for file in files)
    layers, scale = read_layers(read_model(model), b"".join(map(read_shard, shards)))
    return make_weights(
        to_torchvision_names(layers),
        source=SOURCE,
        version=VERSION,
        pooling="tensorflow",
        scale=scale,
        lineage=SOURCE,
    )
