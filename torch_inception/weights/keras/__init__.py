"""Keras' Inception-v3, in each of the formats that Keras has saved models in."""

from torch_inception.weights.keras.file import load

__all__ = ["load"]
