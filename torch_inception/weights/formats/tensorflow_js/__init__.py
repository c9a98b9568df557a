"""Keras' Inception-v3 as TensorFlow.js keeps it: a layers model."""
