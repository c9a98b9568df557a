"""Retrained models take the places of those that answer, when their files change."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from torch_inception.errors import TorchInceptionError
from torch_inception.service.served_model import ServedModel
from torch_inception.system.file_state import FileState, file_state

log = logging.getLogger(__name__)


class Reloader:
    """Loads models whose files have changed.

    Args:
        files: name -> file of the model.
        load: loads a model, by its name.
    """

    def __init__(self, files: Mapping[str, Path], load: Callable[[str], ServedModel]) -> None:
        self._files, self._load = files, load
        self._states: dict[str, FileState | None] = {
            name: file_state(file) for name, file in files.items()
        }

    def look(self, replace: Callable[[str, ServedModel], None]) -> None:
        """Load what has changed since the last look; where that fails, the old model stays.

        Args:
            replace: is given the name and the new model.
        """
        for name, file in self._files.items():
            state = file_state(file)
            if state is None or state == self._states[name]:
                continue
            self._states[name] = state
            try:
                model = self._load(name)
            except (TorchInceptionError, OSError) as error:
                log.warning("WARNING: %s has changed, and the old model stays: %s", file, error)
                continue
            except Exception:  # a fault of ours, which must not end the server
                log.exception("%s has changed, and the old model stays", file)
                continue
            replace(name, model)
            log.info("%s: version %s answers from now on", name, model.facts.version)
