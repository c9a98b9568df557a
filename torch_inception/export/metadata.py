"""What an exported file says of itself, as text: names, provenance, limits."""

import dataclasses
import json

import torch_inception
from torch_inception.classifier.model_file import Model
from torch_inception.config import PredictConfig
from torch_inception.exported.description import FORMAT, FORMAT_NAME, FORMAT_OF_SEVERAL
from torch_inception.heads.head import IndependentHead
from torch_inception.images.preprocess import IMAGE_SIZE
from torch_inception.training.model_card import licence, source_name

DESCRIPTION = (
    "Image classifier: Inception-v3 and a linear head, trained with torch_inception. Input: RGB "
    "images, upright, of any one size. Output: calibrated probabilities; what of the image speaks "
    "for the best class; the distance to the training images."
)

SEVERAL = (
    " An image may have several classes, or none: each probability is by itself, and a class is "
    "named if its probability is its threshold or more."
)

PIXELS = {
    "Image.BitmapPixelFormat": "Rgb8",
    "Image.ColorSpaceGamma": "SRGB",
    "Image.NominalPixelRange": "NominalRange_0_255",
}
"""What a file of images of 8 bits says of its input (ONNX, docs/MetadataProps.md)."""


def describe(model: Model) -> dict[str, str]:
    """Return the facts as names and text; those of several parts as JSON."""
    found = facts(model)
    return {name: each if isinstance(each, str) else _json(each) for name, each in found.items()}


def facts(model: Model) -> dict[str, object]:
    """Return names and plain values.

    `names`, `task`, `imgsz`, `version`, `license` and `description` are those that tools for
    classifiers in ONNX know (Ultralytics).
    """
    is_of_several = isinstance(model.head, IndependentHead)
    about: dict[str, object] = {
        FORMAT_NAME: FORMAT_OF_SEVERAL if is_of_several else FORMAT,
        "names": {str(number): label for number, label in enumerate(model.labels)},
        "task": "classify",
        "imgsz": [IMAGE_SIZE, IMAGE_SIZE],
        "version": torch_inception.__version__,
        "description": DESCRIPTION + (SEVERAL if is_of_several else ""),
        "license": f"Weights of the network: {source_name(model.record)}. {licence(model.record)}",
        "weights_source": source_name(model.record),
        "weights_version": model.record.version,
        "weights_sha256": model.record.fingerprint,
        "preprocessing": dataclasses.asdict(model.preprocessing),
        "coverage": {str(share): score for share, score in model.coverage.items()},
        "thresholds": dict(model.thresholds),
        **_distances(model),
    }
    if is_of_several:
        about["several_labels"] = True
    if model.training is not None:
        about["training"] = model.training.as_dict()
    if model.preprocessing.value_range is None:
        about |= PIXELS
    return about


def _distances(model: Model) -> dict[str, object]:
    """Return the limit of the distance, and what another share of false rejections needs."""
    if model.space is None:
        return {}
    threshold = model.space.threshold(PredictConfig.false_rejection)
    left_out = model.space.left_out.tolist()
    return {
        "distance_threshold": threshold,
        "distances_left_out": {"count": model.space.judged, "distances": left_out},
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
