"""Google's Inception-v3 of 2015 as a frozen graph of TensorFlow 1."""

from torch_inception.weights.tensorflow_graph.inception import LINEAGE, load

__all__ = ["LINEAGE", "load"]
