"""Frozen graphs from a stranger: what is wrong is named, and nothing in them is believed."""

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from tests.weights.graphs import Node, Nodes, constant, delimited, inception, saved, serialised
from torch_inception.errors import WeightsError
from torch_inception.weights.formats.tensorflow_graph import inception as tensorflow_graph
from torch_inception.weights.formats.tensorflow_graph.messages import message_class
from torch_inception.weights.formats.tensorflow_graph.names import LAST_POOL
from torch_inception.weights.load import load_weights

KERNEL = "mixed_5/tower/conv_1/conv2d_params"
NORM = "mixed_5/tower/conv_1/batchnorm"
SHAPE = (1, 7, 160, 160)


def value(**values: float) -> object:
    return message_class("AttrValue")(**values)


CHANGES: dict[str, tuple[Callable[[Nodes], object], str]] = {
    "missing": (lambda n: n.pop(KERNEL), rf"{KERNEL}' is missing.*\(1, 7, 160, 160\)"),
    "no shift": (lambda n: n.pop(f"{NORM}/beta"), f"{NORM}/beta' is missing"),
    "no normalisation": (lambda n: n.pop(NORM), f"{NORM}' is not a BatchNorm"),
    "surplus": (
        lambda n: n.update({"mixed_11/conv/conv2d_params": constant((1, 1, 2048, 9), 1.0)}),
        r"mixed_11/conv/conv2d_params' \(1, 1, 2048, 9\) is not one of",
    ),
    "misshapen": (
        lambda n: n.update({KERNEL: constant((7, 1, 160, 160), 1.0)}),
        rf"{KERNEL}' has the shape \(7, 1, 160, 160\); \(1, 7, 160, 160\) is wanted",
    ),
    "huge": (
        lambda n: n.update({KERNEL: constant((2**40, 2**40), 1.0)}), f"{KERNEL}' has the shape"
    ),
    "huge to torch's dimensions": (
        lambda n: n.update({KERNEL: constant((2,) * 100, 1.0)}), f"{KERNEL}' has the shape"
    ),
    "negative": (lambda n: n.update({KERNEL: constant((-1,), 1.0)}), f"{KERNEL}' has the shape"),
    "not finite": (
        lambda n: n.update({KERNEL: constant(SHAPE, 1.0, float("nan"))}),
        f"{KERNEL}' holds values that are not finite",
    ),
    "infinite": (
        lambda n: n.update({f"{NORM}/gamma": constant((160,), float("inf"))}),
        f"{NORM}/gamma' holds values that are not finite",
    ),
    "negative variance": (
        lambda n: n.update({f"{NORM}/moving_variance": constant((160,), -1.0)}),
        "holds variances below 0",
    ),
    "no values": (lambda n: n.update({KERNEL: constant(SHAPE)}), f"{KERNEL}' holds 0 values"),
    "too many values": (
        lambda n: n.update({f"{NORM}/beta": constant((160,), *[1.0] * 161)}),
        f"{NORM}/beta' holds 161 values; 160 are wanted",
    ),
    "too few bytes": (
        lambda n: n.update({KERNEL: constant(SHAPE, content=bytes(716_796))}),
        f"{KERNEL}' holds 716796 bytes; 716800 are wanted",
    ),
    "doubles": (
        lambda n: n.update({KERNEL: constant(SHAPE, 1.0, dtype=2)}),
        f"{KERNEL}' is of TensorFlow's type 2",
    ),
    "not frozen": (
        lambda n: n.update({KERNEL: Node("VariableV2")}), f"{KERNEL}' is a VariableV2, not a const"
    ),
    "no value": (lambda n: n.update({KERNEL: Node("Const")}), f"{KERNEL}' is of .* type 0"),
    "another epsilon": (
        lambda n: n[NORM].attributes.update({"variance_epsilon": value(f=1e-5)}),
        f"{NORM}' adds 9.99.*e-06 to variances; 0.001 is wanted",
    ),
    "another normalisation": (
        lambda n: n.update({NORM: Node("FusedBatchNorm")}), f"{NORM}' is not a BatchNorm"
    ),
    "another pool": (
        lambda n: n.update({"mixed_4/tower_2/pool": Node("MaxPool")}),
        "mixed_4/tower_2/pool' is not an AvgPool",
    ),
    "no last pool": (lambda n: n.pop(LAST_POOL), f"{LAST_POOL}' is not a MaxPool"),
    "another input": (lambda n: n.update({"Sub/y": constant((), 127.5)}), "Sub/y' is not 128"),
    "half a last layer": (
        lambda n: n.update({"softmax/biases": constant((1008,), 1.0)}),
        "softmax/weights' is missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_wrong_tensor_is_named(change: str, tmp_path: Path) -> None:
    spoil, complaint = CHANGES[change]
    nodes = inception()
    spoil(nodes)
    path = saved(tmp_path, nodes)
    with pytest.raises(WeightsError, match=complaint) as caught:
        load_weights(str(path))
    assert str(path) in str(caught.value)


def test_a_file_that_is_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    content = serialised(inception())
    path = tmp_path / "graph.pb"
    chance = numpy.random.default_rng(3)
    for length in (0, 1, 2, len(content) - 1, *chance.integers(3, len(content) - 1, 25)):
        path.write_bytes(content[:length])
        with pytest.raises(WeightsError, match="cut short|is missing|is not"):
            tensorflow_graph.load(path)


def test_a_flipped_byte_gives_weights_or_a_refusal(tmp_path: Path) -> None:
    content = serialised(inception())
    path, refused = tmp_path / "graph.pb", 0
    chance = numpy.random.default_rng(4)
    for place in chance.integers(0, len(content), 40):
        path.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
        try:
            tensorflow_graph.load(path)
        except WeightsError:
            refused += 1
    assert refused > 10


LATIN = delimited(1, b"\x0a\x01\xff")


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "no nodes"),
        (b"just text\n" * 9, "GraphDef"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "GraphDef"),
        (b"PK\3\4" + bytes(99), "GraphDef"),
        (LATIN, "UTF-8|NodeDef|Error parsing"),
        (delimited(1, delimited(1, b"a")) * 2, "two nodes have the name 'a'"),
        (b"\x80" * 11, "GraphDef"),
        (b"\x0a\x80", "GraphDef"),
    ],
)
def test_what_is_not_a_graph_is_refused(content: bytes, cause: str, tmp_path: Path) -> None:
    path = tmp_path / "graph.pb"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"is not a frozen TensorFlow graph.*{cause}"):
        load_weights(str(path))


def test_there_is_no_such_file(tmp_path: Path) -> None:
    (tmp_path / "folder.pb").mkdir()
    for name, reason in {"gone.pb": "there is no file", "folder.pb": "the folder"}.items():
        with pytest.raises(WeightsError, match=f"{reason} .*{name}"):
            load_weights(str(tmp_path / name))
