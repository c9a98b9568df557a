"""Draws the images of `training_dataset/`: circles, pluses, squares and triangles.

`python -m tools.draw_shapes [--output DIRECTORY]`, from the root of the repository, writes a folder
per class.

Frozen: what it draws must not change, because results have been measured on these images. NumPy
2.4.6 and Pillow 13.0.0 give the files of `training_dataset/` byte for byte. NumPy 1.26.4 and Pillow
10.3.0 give the same pixels; 10 of the 720 files are encoded in another way.
"""
