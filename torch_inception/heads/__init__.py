"""Fit, choose, calibrate and judge a linear head: tensors in, tensors out, no files."""
