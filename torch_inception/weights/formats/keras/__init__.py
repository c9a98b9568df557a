"""Keras' Inception-v3, in each of the formats that Keras has saved models in."""
