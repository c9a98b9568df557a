"""Files of events, which TensorBoard reads."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy
from numpy.typing import NDArray
from torch import Tensor

from torch_inception.system.extras import import_extra

EVENTS = "events.out.tfevents.run"
"""Name of each file of events. TensorBoard's own choice has the name of the machine in it, and is
another each time, so that the curves of two runs would be drawn as one."""

_VERSION = "brain.Event:2"
"""What the first event of a file says, for TensorBoard to read it."""

_BINS = 64


class EventFile:
    """A file of events that is being written.

    torch's `SummaryWriter` makes the same events, but a thread of its own writes them, and where
    that fails, as on a full disk, a file that is cut short may pass for a whole one.

    Args:
        file: open for writing.
    """

    def __init__(self, file: BinaryIO) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from torch.utils.tensorboard import RecordWriter, summary

        self._event = Event
        self._make: Any = summary  # it has no types
        self._records = RecordWriter(file)
        self._write(file_version=_VERSION)

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Add a point of a curve."""
        self._write(summary=self._make.scalar(tag, value), step=step)

    def add_histogram(self, tag: str, values: Tensor, step: int) -> None:
        """Add how numbers are distributed."""
        self._write(summary=self._make.histogram(tag, values.numpy(), _BINS), step=step)

    def add_image(self, tag: str, image: NDArray[numpy.uint8], step: int) -> None:
        """Add an image, (height, width, 3)."""
        self._write(summary=self._make.image(tag, image, dataformats="HWC"), step=step)

    def add_text(self, tag: str, text: str, step: int = 0) -> None:
        """Add a text in Markdown."""
        self._write(summary=self._make.text(tag, text), step=step)

    def _write(self, **content: object) -> None:
        event = self._event(wall_time=time.time(), **content)
        self._records.write(event.SerializeToString())


@contextmanager
def event_file(folder: Path) -> Iterator[EventFile]:
    """Yield the file `EVENTS` of a folder, which is made, to write to.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir()
    with (folder / EVENTS).open("wb") as file:
        yield EventFile(file)


def check_tensorboard() -> None:
    """See that TensorBoard can be imported.

    Raises:
        InstallationError: it is not installed, or does not work.
    """
    for module in ("tensorboard", "torch.utils.tensorboard"):
        import_extra(module, extra="tensorboard", needed_by="--tensorboard")
