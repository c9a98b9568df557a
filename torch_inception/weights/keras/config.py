"""What a Keras model's configuration says about its layers."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from torch_inception.errors import WeightsError
from torch_inception.text import brief

EPSILON = 1e-3
"""What Keras' Inception-v3 adds to a variance, as everything here does (`folding.py`)."""


class LayerConfig(NamedTuple):
    """A layer: its class and its name."""

    kind: str
    name: str


def layers_of(model: Any) -> list[LayerConfig]:  # noqa: ANN401 - whatever a file holds
    """List the layers of a model in its order, those of models within it in their place.

    Args:
        model: `class_name` and `config`, as Keras and TensorFlow.js write them.

    Raises:
        WeightsError: it is no configuration, or one of a network that computes otherwise.
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
    yield LayerConfig(kind, name)


def _check_epsilon(name: str, epsilon: object) -> None:
    # JavaScript and float32 leave a little of it.
    if not isinstance(epsilon, float) or not abs(epsilon - EPSILON) <= 1e-6 * EPSILON:
        raise WeightsError(
            f"the Keras layer {brief(name)!r} adds {brief(epsilon)} to its variances; "
            f"Inception-v3 adds {EPSILON}."
        )
