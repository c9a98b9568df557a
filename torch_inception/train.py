"""`python -m torch_inception.train`: see `commands/train.py`."""

from torch_inception.commands.signals import leave
from torch_inception.commands.train import main

if __name__ == "__main__":
    leave(main())
