"""Name images with a file that `export` wrote, by ONNX Runtime, without torch.

onnx_file            the file, taken apart: what it says of itself, and the graph without weights
description          what it says of itself, checked
session              ONNX Runtime with the file: pixels in, answers out
exported_classifier  the public class
"""
