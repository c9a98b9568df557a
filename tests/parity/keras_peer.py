"""Keras' Inception-v3 with random weights: its files, and its answers to the images.

Run in an environment with TensorFlow: `keras_peer.py FOLDER`, which has `images.npy`.
"""

import sys
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group


def build(*, seed: int, include_top: bool, images: Any) -> Any:  # noqa: ANN401
    """Build a network whose features are far from 0 and differ: it has seen the images."""
    keras.utils.set_random_seed(seed)
    model = keras.applications.InceptionV3(weights=None, include_top=include_top)
    chance = numpy.random.default_rng(seed)
    normalisations = [
        layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert len(normalisations) == 94
    for layer in normalisations:
        layer.momentum = 0.0
        layer.beta.assign(chance.normal(0, 0.3, layer.beta.shape))
    # With momentum 0 the moving statistics become those of this one pass.
    model(images, training=True)
    for layer in normalisations:
        layer.momentum = 0.99
    if include_top:
        top = model.get_layer("predictions")
        top.kernel.assign(chance.normal(0, 0.2, top.kernel.shape))
        top.bias.assign(chance.normal(0, 1, top.bias.shape))
    return model


LAYERS = ("mixed7", "mixed8", "mixed10")
"""What torchvision calls Mixed_6e, Mixed_7a and Mixed_7c."""


def rows_of(model: Any, images: Any) -> Any:  # noqa: ANN401
    """Return the spatial means of the three layers, one after another: (8, 4096)."""
    outputs = [model.get_layer(name).output for name in LAYERS]
    maps = keras.Model(model.inputs, outputs).predict(images, batch_size=4, verbose=0)
    return numpy.concatenate([each.mean(axis=(1, 2)) for each in maps], axis=1)


def save(model: Any, folder: Path, name: str) -> None:  # noqa: ANN401
    """Save in each of the three formats, the legacy one whole and as weights alone."""
    model.save_weights(folder / f"{name}.weights.h5")
    model.save(folder / f"{name}.keras")
    model.save(folder / f"{name}.h5")
    with h5py.File(folder / f"{name}_weights_only.h5", "w") as file:
        save_weights_to_hdf5_group(file, model)


def main(folder: Path) -> None:
    """Write `top` and `notop`, built second, and what they answer."""
    pixels = numpy.load(folder / "images.npy").astype(numpy.float32)
    # A copy: what it is given is changed.
    images = keras.applications.inception_v3.preprocess_input(pixels.copy())
    model = build(seed=1, include_top=True, images=images)
    save(model, folder, "top")
    both = keras.Model(model.inputs, [model.get_layer("avg_pool").output, model.output])
    last, probabilities = both.predict(images, batch_size=4, verbose=0)
    top = model.get_layer("predictions")
    top.activation = keras.activations.linear
    numpy.savez(
        folder / "top.npz", features=rows_of(model, images), probabilities=probabilities,
        logits=top(last),
    )  # fmt: skip

    second = build(seed=2, include_top=False, images=images)
    assert second.layers[1].name == "conv2d_94"
    save(second, folder, "notop")
    numpy.savez(folder / "notop.npz", features=rows_of(second, images))

    nested = keras.Sequential(
        [second, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(5)]
    )
    nested.save(folder / "nested.keras")
    nested.save(folder / "nested.h5")

    rescaled = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.RandomFlip(),
            keras.layers.Rescaling(1 / 51, offset=-2.0),
            second,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(5),
        ]
    )
    rescaled.save(folder / "rescaled.keras")
    rescaled.save(folder / "rescaled.h5")
    numpy.savez(folder / "rescaled.npz", features=rows_of(second, pixels / 51 - 2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
