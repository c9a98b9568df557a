"""Checks that a file's image data are all there, which Pillow's decoders do not make."""
