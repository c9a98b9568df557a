"""Keras: its own loader of folders, its own Inception-v3, compiled by `tf.function`.

This runs in an environment of its own, which has neither torch nor this package.
"""

import os

import numpy

from benchmarks.worker import Rows, Run

# Warnings about the processor and about graphics cards that are not there.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

BATCH = 32


def whole_pass() -> Run:
    """Prepare the pass over a folder of JPEGs."""
    import keras
    import tensorflow

    model = keras.applications.InceptionV3(include_top=False, pooling="avg", weights=None)
    shape = tensorflow.TensorSpec((None, 299, 299, 3), tensorflow.float32)

    predict = tensorflow.function(
        lambda pixels: model(pixels / 127.5 - 1.0, training=False), input_signature=[shape]
    )

    def run(folder: str) -> Rows:
        batches = keras.utils.image_dataset_from_directory(
            folder, labels=None, image_size=(299, 299), batch_size=BATCH, shuffle=False,
            verbose=False,
        )  # fmt: skip
        return numpy.concatenate([predict(pixels).numpy() for pixels in batches])

    return run
