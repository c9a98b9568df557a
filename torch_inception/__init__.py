"""Inception-v3 transfer learning: a folder of images in, a trustworthy classifier out.

from torch_inception import Classifier, train_classifier

result = train_classifier("training_dataset", output="runs/shapes")
Classifier.load("runs/shapes").predict("triangle.jpg", top=3)
"""

import importlib
from typing import TYPE_CHECKING, Any

from torch_inception.errors import (
    CacheError,
    ClusterError,
    ConfigError,
    DatasetError,
    ImageError,
    InstallationError,
    ModelError,
    TorchInceptionError,
    WeightsError,
)

if TYPE_CHECKING:
    from torch_inception.answers.prediction import Prediction
    from torch_inception.classifier.classifier import Classifier
    from torch_inception.config import TrainConfig
    from torch_inception.datasets.image_folder import ImageFolder
    from torch_inception.evaluation.evaluate import EvaluationResult, evaluate_classifier
    from torch_inception.exported.exported_classifier import ExportedClassifier
    from torch_inception.features.extractor import FeatureExtractor
    from torch_inception.report.write_report import write_report
    from torch_inception.training.pipeline import TrainingResult
    from torch_inception.training.train_classifier import train_classifier

__version__ = "0.1.0"

__all__ = [
    "CacheError",
    "Classifier",
    "ClusterError",
    "ConfigError",
    "DatasetError",
    "EvaluationResult",
    "ExportedClassifier",
    "FeatureExtractor",
    "ImageError",
    "ImageFolder",
    "InstallationError",
    "ModelError",
    "Prediction",
    "TorchInceptionError",
    "TrainConfig",
    "TrainingResult",
    "WeightsError",
    "evaluate_classifier",
    "train_classifier",
    "write_report",
]

_HOMES = {
    "Classifier": "classifier.classifier",
    "EvaluationResult": "evaluation.evaluate",
    "ExportedClassifier": "exported.exported_classifier",
    "FeatureExtractor": "features.extractor",
    "ImageFolder": "datasets.image_folder",
    "Prediction": "answers.prediction",
    "TrainConfig": "config",
    "TrainingResult": "training.pipeline",
    "evaluate_classifier": "evaluation.evaluate",
    "train_classifier": "training.train_classifier",
    "write_report": "report.write_report",
}
"""Public names that are imported when first used, most of which need torch, and their modules."""


_WITHOUT_TORCH = ("config", "answers", "exported")


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _HOMES[name].partition(".")[0] not in _WITHOUT_TORCH:
        from torch_inception.system.torch_pair import check_torch_pair

        check_torch_pair()
    globals()[name] = found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
