"""Files of events, which TensorBoard reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch_inception.errors import ConfigError

EVENTS = "events.out.tfevents.run"
"""Name of each file of events. TensorBoard's own choice has the name of the machine in it, and is
another each time, so that the curves of two runs would be drawn as one."""

Writer = Any
"""torch's `SummaryWriter`, whose methods have no types."""


@contextmanager
def event_writer(folder: Path) -> Iterator[Writer]:
    """Yield a writer for a block, which leaves the file `EVENTS` in a folder that it makes.

    Raises:
        OSError: the file cannot be written.
    """
    with summary_writer()(str(folder)) as writer:
        yield writer
    (file,) = folder.glob("*tfevents*")
    file.rename(folder / EVENTS)


def summary_writer() -> Writer:
    """Return torch's class that writes events; TensorBoard is imported here and nowhere else.

    Raises:
        ConfigError: it is not installed, or does not work.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError(
            "the package tensorboard, which --tensorboard needs, is not there "
            f'({error}). Install it: pip install "torch-inception[tensorboard]".'
        ) from error
    return SummaryWriter
