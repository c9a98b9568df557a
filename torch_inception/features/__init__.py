"""The pass: images to rows of features, the content-addressed cache asked first.

image_rows     one image: bytes, a file or an image in memory in, a row or a reason out; streams
cached_pass    many files: each read once, rows taken from the cache or computed and stored
cached_rows    rows that the cache has, for those who only read it
cache/         rows by the content of the image, contents by the state of the file
row_selection  rows that may be too many for memory, for those who fit heads on them
ordered_map    work on several threads, results in input order
progress       the progress bar
extractor      the public class for those who want rows and not classes
"""
