"""`python -m torch_inception COMMAND`, and the console script `torch-inception`."""

from typing import NoReturn

from torch_inception.commands.main import main
from torch_inception.commands.signals import leave


def run() -> NoReturn:
    """Run the command that the arguments name, and end the process with its status."""
    leave(main())


if __name__ == "__main__":
    run()
