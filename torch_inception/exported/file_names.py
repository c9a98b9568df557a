"""What exported files are called by default, in the folder of the run that they are of."""

from collections.abc import Mapping
from pathlib import Path

from torch_inception.config import ExportFormat

FILES: Mapping[ExportFormat, tuple[str, ...]] = {
    "onnx": ("model.onnx",),
    "openvino": ("model.xml", "model.bin"),
    "torch": ("model.pt2",),
    "bundle": ("bundle.pt",),
}
"""Format -> its files; the first is the one that is named."""

WEB_FOLDER = "web"
"""The folder of the format web."""


def exported_in(run: Path) -> dict[ExportFormat, Path]:
    """Return what lies in the folder of a run: format -> the file or folder that is named."""
    named = {kind: run / names[0] for kind, names in FILES.items()}
    found = {kind: file for kind, file in named.items() if file.is_file()}
    web = run / WEB_FOLDER
    return {**found, "web": web} if (web / FILES["onnx"][0]).is_file() else found
