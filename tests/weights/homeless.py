"""Processes of a user without a home, as in containers."""

import os
from pathlib import Path

from tests.processes import Done, run_python

_UNKNOWN_USER = """
import pwd, sys
def unknown(number): raise KeyError(number)
pwd.getpwuid = unknown
"""

_OF_THE_USER = ("HOME", "XDG_", "TORCH_", "HF_", "HUGGING", "npm_config_")


def without_home(
    code: str, *arguments: str | Path, folder: Path, home: str | None = None, **variables: str
) -> Done:
    """Run Python code in a new folder, as a user whom the system gives no home.

    Args:
        code: as `COMMAND`.
        arguments: of the program.
        folder: where it runs.
        home: the variable HOME; None leaves it out.
        variables: added to the environment, less what the user of the machine has set.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_USER)
    }
    if home is not None:
        environment["HOME"] = home
    folder.mkdir()
    return run_python(
        _UNKNOWN_USER + code, *arguments, folder=folder, environment={**environment, **variables}
    )
