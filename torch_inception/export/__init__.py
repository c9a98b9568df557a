"""A trained model as one file that runs without this package: ONNX, OpenVINO, torch.export."""
