"""What a set of weights is, in words."""

from torch_inception.weights.record import IMAGENET_CLASSES, Weights

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
        ("classes", f"ImageNet's {IMAGENET_CLASSES}" if weights.classifier else "none"),
        ("pooling", f"{record.pooling} ({_POOLING[record.pooling]})"),
        ("mean", _triple(record.mean)),
        ("std", _triple(record.std)),
    ]


def _triple(values: tuple[float, float, float]) -> str:
    return ", ".join(f"{value:g}" for value in values) + " of red, green, blue on the scale 0 to 1"
