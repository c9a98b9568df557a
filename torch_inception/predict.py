"""`python -m torch_inception.predict`: see `commands/predict.py`."""

from torch_inception.commands.predict import main
from torch_inception.commands.signals import leave

if __name__ == "__main__":
    leave(main())
