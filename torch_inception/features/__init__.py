"""The pass: images to rows of features, the content-addressed cache asked first.

image_rows     one image: bytes, a file or an image in memory in, a row or a reason out; streams
cached_pass    many files: each read once, rows taken from the cache or computed and stored
skipped        files that are no images: how many, and what is told of them
cached_rows    rows that the cache has, for those who only read it
cache/         rows by the content of the image, contents by the state of the file
row_selection  rows that may be too many for memory, for those who fit heads on them
progress       the progress bar
cluster/       the pass on other machines, which fills the cache
extractor      the public class for those who want rows and not classes
"""
