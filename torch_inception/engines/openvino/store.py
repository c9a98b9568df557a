"""OpenVINO's networks, kept in the user's cache."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch_inception.engines.openvino.engine import OpenVinoEngine
from torch_inception.engines.openvino.runtime import import_openvino, quiet
from torch_inception.system.cache_entry import read_entry, write_entry
from torch_inception.system.cache_folder import cache_folder
from torch_inception.weights.record import WeightsRecord

FORMAT = 1
"""Number of the layout of what is kept."""

NETWORK, NUMBERS = "network.xml", "network.bin"
"""OpenVINO writes both at once, and names the second after the first."""


def load_cached_network(
    name: str, record: WeightsRecord, *, arithmetic: str
) -> tuple[OpenVinoEngine, dict[str, Any]] | None:
    """Return the network kept under a name and what was said of it; None if it is not there whole.

    Raises:
        InstallationError: OpenVINO is not installed.
    """
    folder = _folder(name)

    def read(about: dict[str, Any]) -> tuple[OpenVinoEngine, dict[str, Any]]:
        return OpenVinoEngine(folder / NETWORK, record, arithmetic=arithmetic), about

    return read_entry(folder, format=FORMAT, read=read)


def cache_network(name: str, engine: OpenVinoEngine, about: Mapping[str, Any]) -> None:
    """Keep a network under a name. Where the cache cannot be written, say so and go on."""

    def write(folder: Path) -> None:
        try:
            with quiet():
                import_openvino().save_model(engine.model, folder / NETWORK, compress_to_fp16=False)
        except RuntimeError as error:  # how it says that a disk is full
            raise OSError(str(error)) from error

    write_entry(_folder(name), [NETWORK, NUMBERS], format=FORMAT, about=about, write=write)


def _folder(name: str) -> Path:
    return cache_folder() / "networks" / name
