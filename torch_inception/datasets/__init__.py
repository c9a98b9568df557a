"""Folders and tables of images with labels: which image has which label and is for which part."""
