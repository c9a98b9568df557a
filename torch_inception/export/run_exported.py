"""Run an exported file, by whatever it is for: pixels of an image in, the outputs by name out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from torch_inception.engines.openvino import runtime
from torch_inception.export.packages import import_package, quiet
from torch_inception.exported.description import INPUT
from torch_inception.system.threads import one_thread

RunExported = Callable[[NDArray[Any]], dict[str, NDArray[Any]]]
"""Maps an image (H, W, 3) to the outputs of the graph, each of one image."""


def open_exported(path: Path) -> RunExported:
    """Return what runs a file, by its ending: `.onnx`, `.xml` or `.pt2`.

    Raises:
        InstallationError: the package that runs it is missing.
    """
    return {".onnx": _onnx, ".xml": _openvino, ".pt2": _torch}[path.suffix](path)


def _onnx(path: Path) -> RunExported:
    onnxruntime = import_package("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(image: NDArray[Any]) -> dict[str, NDArray[Any]]:
        found = session.run(names, {INPUT: image[None]})
        return {name: each[0] for name, each in zip(names, found, strict=True)}

    return run


def _openvino(path: Path) -> RunExported:
    with runtime.quiet():
        openvino = import_package("openvino", extra="openvino")
        # Processors that have bfloat16 would round to it.
        compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    names = [output.get_any_name() for output in compiled.outputs]

    def run(image: NDArray[Any]) -> dict[str, NDArray[Any]]:
        found = compiled([image[None]])
        return {name: found[name][0].copy() for name in names}

    return run


def _torch(path: Path) -> RunExported:
    with path.open("rb") as file, quiet():
        module = torch.export.load(file).module()

    def run(image: NDArray[Any]) -> dict[str, NDArray[Any]]:
        with torch.no_grad(), one_thread():
            found = module(torch.from_numpy(image[None].copy()))
        return {name: each[0].numpy() for name, each in found.items()}

    return run
