"""Packages that are extras: imported when they are needed, and named where they are missing."""

import importlib
from typing import Any

from torch_inception.errors import InstallationError


def import_extra(package: str, *, extra: str, needed_by: str) -> Any:  # noqa: ANN401 - a module
    """Import a package, or a module of it.

    Args:
        package: the package or module.
        extra: of this project, that has it.
        needed_by: what is asked for, in words.

    Raises:
        InstallationError: it is not installed, or does not work.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise InstallationError(
            f"the package {package.partition('.')[0]}, which {needed_by} needs, is not there "
            f'({error}). Install it: pip install "torch-inception[{extra}]".'
        ) from error
