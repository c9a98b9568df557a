"""Make a virtual environment with TensorFlow, which does not share one with torch gladly."""

import os
import subprocess
import venv

from benchmarks.rounds import LeftOutError
from torch_inception.system.cache_folder import cache_folder

PACKAGE = "tensorflow-cpu"

DONE = "installed"
"""A file in the environment that says that it is whole."""


def keras_python() -> str:
    """Return the interpreter of an environment with Keras; make it in the cache folder if needed.

    Raises:
        LeftOutError: it cannot be made.
    """
    folder = cache_folder() / "benchmarks" / "keras"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / DONE).exists():
        return str(python)
    print(f"installing {PACKAGE} into {folder}", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", PACKAGE]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise LeftOutError(
            f"{PACKAGE} cannot be installed ({last}). "
            "--keras-python names an interpreter that has it."
        )
    (folder / DONE).touch()
    return str(python)
