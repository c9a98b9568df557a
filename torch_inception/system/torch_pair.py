"""Tell whether the installed torch and torchvision fit together, without importing them."""

import importlib
import importlib.util
import re
from pathlib import Path

from torch_inception.errors import InstallationError

CURE = "pip install --force-reinstall torch torchvision"
"""Takes both from one index, and so a pair that was built together."""


def check_torch_pair() -> None:
    """Do nothing if torch and torchvision fit.

    Each torchvision is built against one torch: its package says which version, and both say in
    `version.py` for which platform (`+cpu`, `+cu130`) they were built.

    Raises:
        InstallationError: one is missing, or they were not built for each other; with the cure.
    """
    torch, torchvision = _version("torch"), _version("torchvision")
    if torch is None or torchvision is None:
        _import_both()
        return
    wanted = _wanted_torch()
    if wanted is not None and _release(torch) != wanted:
        raise InstallationError(
            f"torchvision {torchvision} needs torch {wanted}, and torch {torch} is installed. "
            f"Cure: {CURE}"
        )
    platforms = {_platform(torch), _platform(torchvision)} - {""}
    if len(platforms) > 1:
        raise InstallationError(
            f"torch {torch} and torchvision {torchvision} were built for different platforms. "
            f"Cure: {CURE}"
        )


def _version(package: str) -> str | None:
    """Return the version that a package's `version.py` states; None if there is none to read."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise InstallationError(f"{package} is not installed. Cure: pip install torch torchvision")
    file = Path(spec.origin).with_name("version.py")
    try:
        stated = re.search(r"""__version__\s*=\s*['"]([^'"]+)""", file.read_text(encoding="utf-8"))
    except OSError:
        return None
    return stated[1] if stated else None


def _wanted_torch() -> str | None:
    """Return the torch release that torchvision's package asks for, where it asks for one."""
    # Imported here: it is slow, and commands first make sure that Ctrl-C is heard.
    import importlib.metadata

    try:
        needs = importlib.metadata.requires("torchvision") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    pins = [re.fullmatch(r"torch\s*\(?==\s*([\d.]+)\)?", need) for need in needs]
    return next((pin[1] for pin in pins if pin), None)


def _release(version: str) -> str:
    return version.partition("+")[0]


def _platform(version: str) -> str:
    return version.partition("+")[2]


def _import_both() -> None:
    """Ask the packages themselves: slower, for installations that state no version."""
    try:
        for package in ("torch", "torchvision"):
            importlib.import_module(package)
    except Exception as error:
        raise InstallationError(
            f"torch and torchvision do not fit together ({error}). Cure: {CURE}"
        ) from error
