"""OpenVINO's form of the graph, converted from the ONNX file: an `.xml` and a `.bin`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch_inception.engines.openvino import runtime
from torch_inception.export.packages import import_package
from torch_inception.exported.description import INPUT


def write_openvino(
    onnx_file: Path, path: Path, about: Mapping[str, str], labels: Sequence[str], *, half: bool
) -> None:
    """Convert an ONNX file.

    Args:
        onnx_file: with a graph of ours.
        path: of the `.xml`; the `.bin` lies beside it.
        about: what it says of itself.
        labels: class names.
        half: whether its weights are kept in float16.

    Raises:
        InstallationError: OpenVINO is not installed.
        OSError: it cannot be written.
    """
    openvino = import_package("openvino", extra="openvino")
    with runtime.quiet():
        # With a free number of images, OpenVINO 2026.4 answers wrongly when that number changes.
        model = openvino.convert_model(str(onnx_file), input=[(INPUT, [1, -1, -1, 3])])
        for name, value in {**about, **_model_info(labels)}.items():
            model.set_rt_info(value, ["model_info", name])
        try:
            openvino.save_model(model, path, compress_to_fp16=half)
        except RuntimeError as error:  # how it says that a disk is full
            raise OSError(str(error)) from error


def _model_info(labels: Sequence[str]) -> dict[str, str]:
    """Return what OpenVINO's Model API reads; it separates labels by blanks."""
    return {
        "model_type": "Classification",
        "labels": " ".join(label.replace(" ", "_") for label in labels),
        "confidence_threshold": "0.0",
    }
