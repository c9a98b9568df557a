"""A run whose network is the real one, with plain weights."""

import os
from pathlib import Path

import pytest

from tests.drawings import draw_colours
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.training.train_classifier import train_classifier


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory: pytest.TempPathFactory, plain_weights: Path) -> Path:
    """Train on red, green and blue images, with weights that give the means of these."""
    folder = tmp_path_factory.mktemp("export")
    draw_colours(folder / "colours", count=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, os.fspath(folder / "cache"))
        train_classifier(
            folder / "colours", output=folder / "run", weights=plain_weights, report=False
        )
    return folder / "run"
