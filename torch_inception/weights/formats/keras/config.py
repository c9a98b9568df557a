"""What a Keras model's configuration says about its layers."""

import logging
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.record import INCEPTION_SCALE, Scale

log = logging.getLogger(__name__)

EPSILON = 1e-3
"""What Keras' Inception-v3 adds to a variance, as everything here does (`folding.py`)."""


_KEEPS_SCALE = re.compile("InputLayer|Random.*|Resizing|CenterCrop")
"""Layers before a network that leave the scale of pixels as it is."""


class LayerConfig(NamedTuple):
    """A layer: its class, its name and its settings."""

    kind: str
    name: str
    settings: Mapping[str, Any]


def layers_of(model: Any) -> list[LayerConfig]:  # noqa: ANN401 - whatever a file holds
    """List the layers of a model in its order, those of models within it in their place.

    Args:
        model: `class_name` and `config`, as Keras and TensorFlow.js write them.

    Raises:
        WeightsError: it is not a configuration, or that of a network that computes otherwise.
    """
    try:
        return list(_layers(model))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(
            f"the configuration of the Keras model is not understood ({brief(error)})."
        ) from error


def _layers(layer: Any) -> Iterator[LayerConfig]:  # noqa: ANN401 - whatever a file holds
    kind, config = layer["class_name"], layer["config"]
    # Keras before 2.2.3 gave a Sequential as a list.
    inner = config if isinstance(config, list) else config.get("layers")
    if inner is not None:
        for each in inner:
            yield from _layers(each)
        return
    name = config["name"]
    if not isinstance(kind, str) or not isinstance(name, str):
        raise TypeError("a layer without a class or a name")
    if kind == "BatchNormalization":
        _check_epsilon(name, config.get("epsilon", EPSILON))
    yield LayerConfig(kind, name, config)


def input_scale(layers: Sequence[LayerConfig]) -> Scale:
    """Return the mean and std of pixels that a model's first convolution wants.

    Without layers that scale, its user did what `keras.applications` does: to [-1, 1].

    Args:
        layers: of the whole model, in its order.

    Raises:
        WeightsError: the model scales pixels in a way that is not known here.
    """
    factor, offset = 1.0, 0.0
    first = list(takewhile(lambda layer: layer.kind != "Conv2D", layers))
    for kind, name, settings in first:
        if kind == "Normalization":
            raise WeightsError(
                f"the Keras layer {brief(name)!r} normalises pixels with numbers of its own. Save "
                "the network behind it."
            )
        if kind == "Rescaling":
            scale, shift = _number(settings, "scale"), _number(settings, "offset")
            factor, offset = factor * scale, offset * scale + shift
        elif not _KEEPS_SCALE.fullmatch(kind):
            log.warning(
                "weights: what the Keras layer %r does to pixels is not known; they are scaled to "
                "[-1, 1], as by keras.applications",
                brief(name),
            )
    if not any(layer.kind == "Rescaling" for layer in first):
        return INCEPTION_SCALE, INCEPTION_SCALE
    if not factor > 0:
        raise WeightsError(f"the Keras model multiplies pixels with {factor}; above 0 is wanted.")
    # factor * pixel + offset of a pixel from 0 to 255; rounded, so that 1 / 127.5 gives 0.5.
    mean, std = (round(value / (255 * factor), 9) for value in (-offset, 1.0))
    return (mean,) * 3, (std,) * 3


def _number(settings: Mapping[str, Any], name: str) -> float:
    value = settings.get(name, 0.0)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise WeightsError(f"the Keras model rescales pixels with the {name} {brief(value)}.")
    return float(value)


def _check_epsilon(name: str, epsilon: object) -> None:
    # JavaScript and float32 leave a little of it.
    if not isinstance(epsilon, float) or not abs(epsilon - EPSILON) <= 1e-6 * EPSILON:
        raise WeightsError(
            f"the Keras layer {brief(name)!r} adds {brief(epsilon)} to its variances; "
            f"Inception-v3 adds {EPSILON}."
        )
