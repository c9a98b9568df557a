"""The network run by OpenVINO (the extra `openvino`), in float32 or in 8-bit integers."""
