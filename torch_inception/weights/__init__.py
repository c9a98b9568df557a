"""Inception-v3's weights: their sources, their file formats, and a record of what they are."""
