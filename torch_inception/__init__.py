"""Inception-v3 transfer learning: a folder of pictures in, a trustworthy classifier out.

from torch_inception import Classifier, train_classifier

result = train_classifier("training_dataset", output="runs/shapes")
Classifier.load("runs/shapes").predict("triangle.jpg", top=3)
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from torch_inception.compatibility import check_torch_pair
from torch_inception.errors import (
    CacheError,
    ConfigError,
    DatasetError,
    ImageError,
    ModelError,
    TorchInceptionError,
    WeightsError,
)
from torch_inception.interruption import quiet_start

if TYPE_CHECKING:
    from torch_inception.classifier import Classifier, Prediction
    from torch_inception.config import TrainConfig
    from torch_inception.extractor import FeatureExtractor
    from torch_inception.picture_folder import PictureFolder
    from torch_inception.pipeline import TrainingResult, train_classifier

__version__ = "0.1.0"

__all__ = [
    "CacheError",
    "Classifier",
    "ConfigError",
    "DatasetError",
    "FeatureExtractor",
    "ImageError",
    "ModelError",
    "PictureFolder",
    "Prediction",
    "TorchInceptionError",
    "TrainConfig",
    "TrainingResult",
    "WeightsError",
    "train_classifier",
]

_HOMES = {
    "Classifier": "classifier",
    "FeatureExtractor": "extractor",
    "PictureFolder": "picture_folder",
    "Prediction": "classifier",
    "TrainConfig": "config",
    "TrainingResult": "pipeline",
    "train_classifier": "pipeline",
}
"""Public names that need torch, and the modules that they are imported from when first used."""


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


# `python -m` names itself so while it looks for the module: a command shows no traceback.
_is_command = sys.argv[:1] == ["-m"]
if _is_command:
    quiet_start()
try:
    check_torch_pair()
except ImportError as error:
    if _is_command:
        raise SystemExit(f"error: {error}") from None
    raise
