"""What a set of weights is, in words."""

from torch_inception.network import IMAGE_SIZE
from torch_inception.weights.checked import IMAGENET_CLASSES, Weights
from torch_inception.weights.record import Triple

_CLASSES = f"ImageNet's {IMAGENET_CLASSES}"

_POOLING = {
    "torchvision": "average pools count the padding",
    "tensorflow": "average pools leave the padding out",
    "tensorflow-2015": "average pools leave the padding out, the last block takes the maximum",
}


def describe(weights: Weights) -> list[tuple[str, str]]:
    """Return (property, value) of everything that `convert --show` prints."""
    record = weights.record
    return [
        ("source", record.source),
        ("lineage", record.lineage or record.source),
        ("version", record.version),
        ("fingerprint", f"sha256 {record.fingerprint}"),
        ("classes", _CLASSES if weights.classifier else f"none; only {_CLASSES} are kept"),
        ("pooling", f"{record.pooling} ({_POOLING[record.pooling]})"),
        (
            "preprocessing",
            f"{IMAGE_SIZE} x {IMAGE_SIZE}, mean {_triple(record.mean)}, std {_triple(record.std)} "
            "of red, green, blue on the scale 0 to 1",
        ),
    ]


def _triple(values: Triple) -> str:
    return "({:g}, {:g}, {:g})".format(*values)
