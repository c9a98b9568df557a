"""Keras' Inception-v3 as TensorFlow.js keeps it: a layers model."""

from torch_inception.weights.tensorflow_js.model import load

__all__ = ["load"]
