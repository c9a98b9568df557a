"""The packages that exporting needs, which are extras."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch_inception.config import ExportFormat
from torch_inception.system.extras import import_extra


def import_package(package: str, *, extra: str = "export") -> Any:  # noqa: ANN401 - a module
    """Import a package of an extra.

    Raises:
        InstallationError: it is not installed, or does not work.
    """
    return import_extra(package, extra=extra, needed_by="this export")


def check_packages(form: ExportFormat) -> None:
    """Do nothing if all is there that a format needs.

    Raises:
        InstallationError: a package is missing.
    """
    if form in ("torch", "bundle"):
        return
    for package in ("onnx", "onnxscript", "onnxruntime"):
        import_package(package)
    if form == "openvino":
        import_package("openvino", extra="openvino")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what exporters say to their own developers off the screen."""
    loggers = [logging.getLogger(name) for name in ("torch", "onnxscript", "onnx_ir", "root")]
    levels = [each.level for each in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for each in loggers:
                each.setLevel(logging.ERROR)
            yield
        finally:
            for each, level in zip(loggers, levels, strict=True):
                each.setLevel(level)
