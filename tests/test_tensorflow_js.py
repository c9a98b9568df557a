"""The reader of TensorFlow.js models, on models small enough to work out by hand."""

import base64
import struct

import numpy
import pytest

from torch_inception.errors import WeightsError
from torch_inception.weights.tensorflow_js import read_manifest, read_shard, read_tensors

MODULE = (
    'n.exports={modelTopology:{layers:[{name:"a:b",trainable:!0}]},weightsManifest:[{paths:["s1"],'
    'weights:[{name:"k/kernel",shape:[2,2],dtype:"float32",quantization:{min:-1.5,scale:.5,'
    'dtype:"uint8"}},{name:"k/bias",shape:[2],dtype:"float32",tiny:1e-7,flag:!1}]}]}},{}]'
)


def test_a_manifest_is_read_from_a_javascript_literal() -> None:
    kernel, bias = read_manifest(MODULE)
    assert kernel["quantization"] == {"min": -1.5, "scale": 0.5, "dtype": "uint8"}
    assert bias == {"name": "k/bias", "shape": [2], "dtype": "float32", "tiny": 1e-7, "flag": False}


def test_quantised_values_are_scaled_and_shifted() -> None:
    data = bytes([0, 1, 2, 255]) + struct.pack("<2f", 0.25, -8.0)
    tensors = read_tensors(read_manifest(MODULE), data)
    assert tensors["k/kernel"].tolist() == [[-1.5, -1.0], [-0.5, 126.0]]
    assert tensors["k/bias"].tolist() == [0.25, -8.0]
    assert tensors["k/kernel"].dtype == numpy.float32


def test_a_shard_is_the_longest_base64_string() -> None:
    content = bytes(range(200))
    module = f'var a="short";module.exports={{x:"{base64.b64encode(content).decode()}"}}'
    assert read_shard(module) == content


@pytest.mark.parametrize(("data", "told"), [(b"12", "end within"), (b"1" * 13, "1 bytes too many")])
def test_bytes_that_do_not_fit_the_manifest_are_refused(data: bytes, told: str) -> None:
    with pytest.raises(WeightsError, match=told):
        read_tensors(read_manifest(MODULE), data)


@pytest.mark.parametrize(
    "module", ["", "weightsManifest:", "weightsManifest:[{}", "weightsManifest:[alert(1)]"]
)
def test_a_module_without_a_manifest_is_refused(module: str) -> None:
    with pytest.raises(WeightsError, match="manifest"):
        read_manifest(module)
