"""Inception-v3 in a frozen graph of TensorFlow 1."""
