"""`python -m torch_inception COMMAND`, and the console script `torch-inception`."""

from torch_inception.commands.main import main
from torch_inception.commands.signals import leave

if __name__ == "__main__":
    leave(main())
