# ruff: noqa: ANN401 - TensorFlow has no types
"""Build, write and run a graph like Google's of 2015, with seeded weights: TensorFlow's side.

Writes `graph.pb` (1008 outputs), `retrained_graph.pb` (5 classes), the label files that belong to
them, and what TensorFlow computes from both, `whole.npz` and `retrained.npz`: rows (8, 4096),
logits and probabilities of 1000 and of 5 classes; and `resized.npy`, what the graph makes of the
JPEG files that are named after the folder.
"""

import sys
from pathlib import Path
from typing import Any

import numpy
import tensorflow as tf

v1 = tf.compat.v1
EPSILON = 0.001


class Builder:
    """Adds nodes to a graph, and computes what they give, to find statistics that fit."""

    def __init__(self, images: Any) -> None:
        self.graph = v1.GraphDef()
        # BatchNormWithGlobalNormalization is not for graphs of version 9 and later.
        self.graph.versions.producer = 8
        self.chance = numpy.random.default_rng(2015)
        self.images = images

    def node(self, name: str, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; an attribute is a type, a number, a list of them, or a text."""
        node = self.graph.node.add(name=name, op=op, input=inputs)
        for key, value in attributes.items():
            attribute = node.attr[key]
            if isinstance(value, tf.DType):
                attribute.type = value.as_datatype_enum
            elif isinstance(value, bool):
                attribute.b = value
            elif isinstance(value, int):
                attribute.i = value
            elif isinstance(value, float):
                attribute.f = value
            elif isinstance(value, list):
                attribute.list.i.extend(value)
            elif isinstance(value, bytes):
                attribute.s = value
            else:
                attribute.tensor.CopyFrom(value)
        return name

    def constant(self, name: str, value: Any, dtype: Any = tf.float32) -> str:
        """Add a constant."""
        return self.node(name, "Const", dtype=dtype, value=tf.make_tensor_proto(value, dtype))

    def input(self) -> tuple[str, Any]:
        """Add what decodes and scales an image."""
        self.constant("DecodeJpeg/contents", b"", tf.string)
        # The graph of 2015 leaves the method out, and so has a fast one that Pillow lacks.
        self.node("DecodeJpeg", "DecodeJpeg", "DecodeJpeg/contents", channels=3,
                  dct_method=b"INTEGER_ACCURATE")  # fmt: skip
        self.node("Cast", "Cast", "DecodeJpeg", SrcT=tf.uint8, DstT=tf.float32)
        self.constant("ExpandDims/dim", 0, tf.int32)
        self.node("ExpandDims", "ExpandDims", "Cast", "ExpandDims/dim", T=tf.float32)
        self.constant("ResizeBilinear/size", [299, 299], tf.int32)
        self.node(
            "ResizeBilinear", "ResizeBilinear", "ExpandDims", "ResizeBilinear/size", T=tf.float32
        )
        self.constant("Sub/y", 128.0)
        self.node("Sub", "Sub", "ResizeBilinear", "Sub/y", T=tf.float32)
        self.constant("Mul/y", 0.0078125)
        self.node("Mul", "Mul", "Sub", "Mul/y", T=tf.float32)
        return "Mul", (self.images - 128) / 128

    def conv(
        self, name: str, x: tuple[str, Any], out: int, size: tuple[int, int], *,
        stride: int = 1, padding: str = "SAME",
    ) -> tuple[str, Any]:  # fmt: skip
        """Add a convolution with normalisation and ReLU."""
        inside = x[1].shape[-1]
        deviation = (2 / (size[0] * size[1] * inside)) ** 0.5
        kernel = (self.chance.standard_normal((*size, inside, out)) * deviation).astype("f4")
        mixed = tf.nn.conv2d(x[1], kernel, stride, padding)
        mean, variance = (each.numpy() for each in tf.nn.moments(mixed, [0, 1, 2]))
        parts = {
            "beta": self.chance.normal(0.2, 0.4, out),
            "gamma": self.chance.uniform(0.5, 1.5, out),
            "moving_mean": mean + 0.1 * self.chance.standard_normal(out) * variance**0.5,
            "moving_variance": variance * self.chance.uniform(0.7, 1.4, out),
        }
        values = {part: value.astype("f4") for part, value in parts.items()}
        self.constant(f"{name}/conv2d_params", kernel)
        self.node(
            f"{name}/Conv2D", "Conv2D", x[0], f"{name}/conv2d_params", T=tf.float32,
            strides=[1, stride, stride, 1], padding=padding.encode(),
        )  # fmt: skip
        nodes = {k: self.constant(f"{name}/batchnorm/{k}", v) for k, v in values.items()}
        order = [nodes[part] for part in ("moving_mean", "moving_variance", "beta", "gamma")]
        self.node(
            f"{name}/batchnorm", "BatchNormWithGlobalNormalization", f"{name}/Conv2D", *order,
            T=tf.float32, variance_epsilon=EPSILON, scale_after_normalization=True,
        )  # fmt: skip
        self.node(f"{name}/CheckNumerics", "CheckNumerics", f"{name}/batchnorm",
                  T=tf.float32, message=b"not finite")  # fmt: skip
        self.node(name, "Relu", f"{name}/CheckNumerics", T=tf.float32)
        normalised = tf.nn.batch_normalization(
            mixed, values["moving_mean"], values["moving_variance"], values["beta"],
            values["gamma"], EPSILON,
        )  # fmt: skip
        return name, tf.nn.relu(normalised)

    def pool(
        self, name: str, x: tuple[str, Any], kind: str, *, size: int = 3, stride: int = 1,
        padding: str = "SAME",
    ) -> tuple[str, Any]:  # fmt: skip
        """Add a pool; kind is "Max" or "Avg"."""
        self.node(
            name, f"{kind}Pool", x[0], T=tf.float32, ksize=[1, size, size, 1],
            strides=[1, stride, stride, 1], padding=padding.encode(),
        )  # fmt: skip
        way = tf.nn.max_pool2d if kind == "Max" else tf.nn.avg_pool2d
        return name, way(x[1], size, stride, padding)

    def join(self, name: str, *branches: tuple[str, Any]) -> tuple[str, Any]:
        """Put the channels of branches side by side."""
        axis = self.constant(f"{name}/concat_dim", 3, tf.int32)
        self.node(name, "Concat", axis, *(each[0] for each in branches), T=tf.float32,
                  N=len(branches))  # fmt: skip
        return name, tf.concat([each[1] for each in branches], 3)

    def tower(self, name: str, x: tuple[str, Any], *layers: Any) -> tuple[str, Any]:
        """Add convolutions, one after another: (channels, size) and perhaps more."""
        for number, (out, size, *other) in enumerate(layers):
            options = other[0] if other else {}
            x = self.conv(f"{name}/conv{f'_{number}' if number else ''}", x, out, size, **options)
        return x

    def pooled(self, name: str, x: tuple[str, Any], out: int, kind: str = "Avg") -> Any:
        """Add a pooling branch."""
        return self.conv(f"{name}/conv", self.pool(f"{name}/pool", x, kind), out, (1, 1))


VALID = {"padding": "VALID"}
HALVED = {"padding": "VALID", "stride": 2}


def build(builder: Builder) -> tuple[str, Any]:
    """Add the whole network; return its last feature map."""
    b, x = builder, builder.input()
    x = b.conv("conv", x, 32, (3, 3), stride=2, padding="VALID")
    x = b.conv("conv_1", x, 32, (3, 3), padding="VALID")
    x = b.conv("conv_2", x, 64, (3, 3))
    x = b.pool("pool", x, "Max", stride=2, padding="VALID")
    x = b.conv("conv_3", x, 80, (1, 1), padding="VALID")
    x = b.conv("conv_4", x, 192, (3, 3), padding="VALID")
    x = b.pool("pool_1", x, "Max", stride=2, padding="VALID")
    for name, out in (("mixed", 32), ("mixed_1", 64), ("mixed_2", 64)):
        x = b.join(
            f"{name}/join",
            b.conv(f"{name}/conv", x, 64, (1, 1)),
            b.tower(f"{name}/tower", x, (48, (1, 1)), (64, (5, 5))),
            b.tower(f"{name}/tower_1", x, (64, (1, 1)), (96, (3, 3)), (96, (3, 3))),
            b.pooled(f"{name}/tower_2", x, out),
        )
    x = b.join(
        "mixed_3/join",
        b.conv("mixed_3/conv", x, 384, (3, 3), stride=2, padding="VALID"),
        b.tower("mixed_3/tower", x, (64, (1, 1)), (96, (3, 3)), (96, (3, 3), HALVED)),
        b.pool("mixed_3/pool", x, "Max", stride=2, padding="VALID"),
    )
    for number, width in enumerate((128, 160, 160, 192), start=4):
        name, w = f"mixed_{number}", width
        x = b.join(
            f"{name}/join",
            b.conv(f"{name}/conv", x, 192, (1, 1)),
            b.tower(f"{name}/tower", x, (w, (1, 1)), (w, (1, 7)), (192, (7, 1))),
            b.tower(f"{name}/tower_1", x, (w, (1, 1)), (w, (7, 1)), (w, (1, 7)), (w, (7, 1)),
                    (192, (1, 7))),
            b.pooled(f"{name}/tower_2", x, 192),
        )  # fmt: skip
    x = b.join(
        "mixed_8/join",
        b.tower("mixed_8/tower", x, (192, (1, 1)), (320, (3, 3), HALVED)),
        b.tower("mixed_8/tower_1", x, (192, (1, 1)), (192, (1, 7)), (192, (7, 1)),
                (192, (3, 3), HALVED)),
        b.pool("mixed_8/pool", x, "Max", stride=2, padding="VALID"),
    )  # fmt: skip
    for name, kind in (("mixed_9", "Avg"), ("mixed_10", "Max")):
        single = b.conv(f"{name}/tower/conv", x, 384, (1, 1))
        double = b.tower(f"{name}/tower_1", x, (448, (1, 1)), (384, (3, 3)))
        x = b.join(
            f"{name}/join",
            b.conv(f"{name}/conv", x, 320, (1, 1)),
            b.conv(f"{name}/tower/mixed/conv", single, 384, (1, 3)),
            b.conv(f"{name}/tower/mixed/conv_1", single, 384, (3, 1)),
            b.conv(f"{name}/tower_1/mixed/conv", double, 384, (1, 3)),
            b.conv(f"{name}/tower_1/mixed/conv_1", double, 384, (3, 1)),
            b.pooled(f"{name}/tower_2", x, 192, kind),
        )
    return b.pool("pool_3", x, "Avg", size=8, padding="VALID")


def with_layer(
    builder: Builder, weights: str, biases: str, middle: str, output: str, classes: int
) -> Any:
    """Return a copy of the graph with a last layer."""
    last = Builder(None)
    last.graph.CopyFrom(builder.graph)
    kernel = 0.1 * builder.chance.standard_normal((2048, classes))
    last.constant(weights, kernel.astype("f4"))
    last.constant(biases, builder.chance.standard_normal(classes).astype("f4"))
    last.node(f"{middle}/MatMul", "MatMul", "pool_3/_reshape", weights, T=tf.float32)
    last.node(middle, "BiasAdd", f"{middle}/MatMul", biases, T=tf.float32)
    last.node(output, "Softmax", middle, T=tf.float32)
    return last.graph


def run(graph: Any, images: Any, *outputs: str) -> list[Any]:
    """Run a graph as classify_image.py does, but from pixels that are resized already."""
    with v1.Graph().as_default():
        v1.import_graph_def(graph, name="")
        with v1.Session() as session:
            rows = [session.run(outputs, {"ResizeBilinear:0": each[None]}) for each in images]
    return [numpy.concatenate([row[place] for row in rows]) for place in range(len(outputs))]


def resize_files(graph: Any, files: list[str]) -> Any:
    """Return what a graph makes of JPEG files, which it decodes and resizes: (N, 299, 299, 3)."""
    with v1.Graph().as_default():
        v1.import_graph_def(graph, name="")
        with v1.Session() as session:
            contents = [Path(file).read_bytes() for file in files]
            rows = [
                session.run("ResizeBilinear:0", {"DecodeJpeg/contents:0": each})
                for each in contents
            ]
    return numpy.concatenate(rows)


def main(folder: Path, files: list[str]) -> None:
    """Write everything to a folder."""
    images = numpy.load(folder / "images.npy").astype("f4")
    builder = Builder(images)
    build(builder)
    builder.constant("pool_3/_reshape/shape", [1, 2048], tf.int32)
    builder.node("pool_3/_reshape", "Reshape", "pool_3", "pool_3/_reshape/shape", T=tf.float32)
    layer = ("softmax/weights", "softmax/biases", "softmax/logits", "softmax", 1008)
    whole = with_layer(builder, *layer)
    ops = "final_training_ops"
    final = (f"{ops}/weights/final_weights", f"{ops}/biases/final_biases", f"{ops}/Wx_plus_b/add")
    retrained = with_layer(builder, *final, "final_result", 5)
    (folder / "graph.pb").write_bytes(whole.SerializeToString())
    (folder / "retrained_graph.pb").write_bytes(retrained.SerializeToString())
    (folder / "retrained_labels.txt").write_text("daisy\ndandelion\nroses\nsunflowers\ntulips\n")
    outputs = 1 + numpy.random.default_rng(1).permutation(1000)
    entry = 'entry {{\n  target_class: {}\n  target_class_string: "n{:08}"\n}}\n'
    lines = [entry.format(output, number) for number, output in enumerate(outputs)]
    name = "imagenet_2012_challenge_label_map_proto.pbtxt"
    (folder / name).write_text("# -*- protobuffer -*-\n" + "".join(lines[::-1]))
    layers = [f"mixed_{number}/join:0" for number in (7, 8, 10)]
    *maps, logits, softmax = run(whole, images, *layers, "softmax/logits:0", "softmax:0")
    features = numpy.concatenate([each.mean(axis=(1, 2)) for each in maps], axis=1)
    # The graph has eight outputs more, which are no classes.
    classes = softmax[:, outputs]
    numpy.savez(folder / "whole.npz", features=features, logits=logits[:, outputs],
                probabilities=classes / classes.sum(axis=1, keepdims=True))  # fmt: skip
    logits, named = run(retrained, images, f"{final[2]}:0", "final_result:0")
    numpy.savez(folder / "retrained.npz", features=features, logits=logits, probabilities=named)
    numpy.save(folder / "resized.npy", resize_files(whole, files))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
