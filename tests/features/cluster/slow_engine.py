"""Engines for tests in which processes are killed, or cannot begin."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fakes import FakeEngine
from torch_inception.engines.protocol import Rows, Session
from torch_inception.images.preprocess import Pixels


class SlowEngine(FakeEngine):
    """Writes, for each batch, a line with the number of its images into a file.

    Args:
        log: the file.
        seconds: that each image takes.
    """

    def __init__(self, log: Path, *, seconds: float) -> None:
        super().__init__()
        self._log, self._seconds = log, seconds

    def rows(self, images: Sequence[Pixels]) -> Rows:
        """Map images to rows."""
        time.sleep(self._seconds * len(images))
        with self._log.open("a") as file:
            file.write(f"{len(images)}\n")
        return super().rows(images)

    @property
    def images(self) -> int:
        """How many images were computed, by any process."""
        if not self._log.exists():
            return 0
        return sum(map(int, self._log.read_text().split()))


class EndingEngine(FakeEngine):
    """Ends the process that computes one image.

    Args:
        red: of that image, 0 to 255.
    """

    def __init__(self, *, red: int) -> None:
        super().__init__()
        self._red = red

    def rows(self, images: Sequence[Pixels]) -> Rows:
        """Map images to rows."""
        if any(image[..., 0].max() == self._red for image in images):
            os._exit(1)
        return super().rows(images)


class BrokenEngine(FakeEngine):
    """Cannot be used on any machine."""

    def session(self) -> Session:
        """Fail."""
        raise RuntimeError("no such instruction")


class OnlyHereEngine(FakeEngine):
    """Cannot arrive on another machine."""

    def __reduce__(self) -> tuple[object, ...]:
        return _refuse, ()


def _refuse() -> None:
    raise ImportError("No module named 'that_is_only_here'")
