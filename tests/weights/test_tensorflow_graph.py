"""Weights from frozen TensorFlow 1 graphs: the right tensors in the right places, or a refusal."""

import sys
from pathlib import Path

import numpy
import pytest
import torch

from tests.weights.graphs import inception, label_map, saved, with_softmax, written_out
from torch_inception.classifier.classifier import Classifier
from torch_inception.errors import WeightsError
from torch_inception.network import empty_network
from torch_inception.weights.formats.tensorflow_graph.messages import message_class
from torch_inception.weights.formats.tensorflow_graph.names import UNITS
from torch_inception.weights.load import load_weights


def test_every_tensor_lands_where_it_belongs(tmp_path: Path) -> None:
    weights = load_weights(str(saved(tmp_path, inception())))
    for i, (name, unit) in enumerate(empty_network(pooling="tensorflow-2015").convolutions()):
        expected = {
            "conv.weight": (1 + i / 1000) / unit.weight[0].numel(),
            "bn.weight": 1 + i / 100,
            "bn.bias": i / 10,
            "bn.running_mean": -i / 10,
            "bn.running_var": 1.0 + i,
        }
        for part, number in expected.items():
            values = weights.tensors[f"{name}.{part}"]
            assert torch.allclose(values, torch.tensor(number), atol=0), (name, part)
    assert len(weights.tensors) == 5 * 94
    assert weights.classifier is None


def test_the_record_says_what_the_graph_of_2015_wants(tmp_path: Path) -> None:
    path = saved(tmp_path, inception())
    record = load_weights(str(path)).record
    assert record.pooling == "tensorflow-2015"
    assert record.source == str(path.absolute())
    assert record.version == "graph.pb"
    # (p / 255 - mean) / std is (p - 128) / 128
    assert record.mean == record.std == (128 / 255,) * 3


def test_a_kernel_is_turned_from_height_width_in_out(tmp_path: Path) -> None:
    kernel = numpy.arange(3 * 3 * 3 * 32, dtype=numpy.float32).reshape(3, 3, 3, 32)
    nodes = inception() | {"conv/conv2d_params": written_out(kernel)}
    found = load_weights(str(saved(tmp_path, nodes))).tensors["Conv2d_1a_3x3.conv.weight"]
    assert found.shape == (32, 3, 3, 3)
    for out, inside, y, x in ((0, 0, 0, 0), (5, 2, 1, 0), (31, 0, 2, 1)):
        assert float(found[out, inside, y, x]) == kernel[y, x, inside, out]


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("Conv2d_1a_3x3", "conv"),
        ("Conv2d_4a_3x3", "conv_4"),
        ("Mixed_5b.branch5x5_2", "mixed/tower/conv_1"),
        ("Mixed_5d.branch3x3dbl_3", "mixed_2/tower_1/conv_2"),
        ("Mixed_6a.branch3x3dbl_1", "mixed_3/tower/conv"),
        ("Mixed_6b.branch7x7dbl_5", "mixed_4/tower_1/conv_4"),
        ("Mixed_6e.branch_pool", "mixed_7/tower_2/conv"),
        ("Mixed_7a.branch7x7x3_4", "mixed_8/tower_1/conv_3"),
        ("Mixed_7b.branch3x3_2b", "mixed_9/tower/mixed/conv_1"),
        ("Mixed_7c.branch3x3dbl_3a", "mixed_10/tower_1/mixed/conv"),
    ],
)
def test_the_names_are_those_of_2015(name: str, node: str) -> None:
    assert UNITS[name] == node
    units = empty_network(pooling="tensorflow-2015").convolutions()
    assert list(UNITS) == [unit for unit, _ in units]
    assert len(set(UNITS.values())) == 94


def test_a_normalisation_that_does_not_scale_has_no_gamma(tmp_path: Path) -> None:
    tensors = load_weights(str(saved(tmp_path, inception(scaled=False)))).tensors
    assert all((tensors[f"{name}.bn.weight"] == 1).all() for name in UNITS)


def test_a_last_block_that_averages_is_run_so(tmp_path: Path) -> None:
    path = saved(tmp_path, inception(last_pool="AvgPool"))
    assert load_weights(str(path)).record.pooling == "tensorflow"


def test_pixels_may_be_scaled_outside_the_graph(tmp_path: Path) -> None:
    nodes = {name: node for name, node in inception().items() if name not in ("Sub/y", "Mul/y")}
    assert load_weights(str(saved(tmp_path, nodes))).record.mean == (128 / 255,) * 3


def test_the_classes_are_in_the_order_of_the_label_map(tmp_path: Path) -> None:
    outputs = [1 + (37 * k + 11) % 1000 for k in range(1000)]
    label_map(tmp_path, outputs)
    path = saved(tmp_path, with_softmax(inception()))
    classifier = load_weights(str(path), need_classifier=True).classifier
    assert classifier is not None
    assert torch.equal(classifier[1], torch.tensor(outputs).float())
    assert torch.equal(classifier[0], torch.tensor(outputs).float()[:, None].expand(1000, 2048))


def test_images_are_squashed_for_its_classes(tmp_path: Path) -> None:
    label_map(tmp_path, list(range(1, 1001)))
    classifier = Classifier.imagenet(weights=str(saved(tmp_path, with_softmax(inception()))))
    assert classifier.model.preprocessing.resize == "tensorflow"


def test_without_a_label_map_there_are_no_classes(tmp_path: Path) -> None:
    path = saved(tmp_path, with_softmax(inception()))
    assert load_weights(str(path)).classifier is None
    with pytest.raises(WeightsError, match="no ImageNet classifier"):
        load_weights(str(path), need_classifier=True)


@pytest.mark.parametrize(
    "outputs", [list(range(1, 1000)), [*range(1, 1000), 999], list(range(1000))]
)
def test_another_label_map_is_refused(outputs: list[int], tmp_path: Path) -> None:
    path = label_map(tmp_path, outputs)
    with pytest.raises(WeightsError, match=f"{path.name} does not give each of the outputs"):
        load_weights(str(saved(tmp_path, with_softmax(inception()))))


def test_a_missing_protobuf_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, inception())
    message_class.cache_clear()
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with pytest.raises(WeightsError, match=r"pip install 'torch-inception\[tensorflow\]'"):
        load_weights(str(path))
