"""Threads that decode images and run a model's network on batches of them.

Images are decoded by as many threads as the model has workers, each image on its own: slow ones
hold up others only when there is one for each of these threads. Large ones, of which the decoder
takes one at a time, have a thread to themselves. What is decoded is gathered into batches.
"""

import math
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from torch_inception.images.limits import LargeImageError, no_large_image
from torch_inception.images.preprocess import Pixels
from torch_inception.images.see import SeenImage
from torch_inception.service.served_model import Output, ServedModel, Session, Values, Wishes

GATHER_SECONDS = 0.005
"""How long a batch waits for images that are being decoded, at most."""


class ComputedImage(NamedTuple):
    """What the network saw of an image, and what it made of that: answers are told from them.

    The image itself is not needed again, so that nothing is decoded twice.
    """

    seen: SeenImage
    output: Output


@dataclass
class _Job:
    """An image on its way.

    Attributes:
        image: the content of a file, or pixels.
        done: what was computed, or the error; cancelled when nobody wants it any more.
        seen: what the network sees, once it is decoded.
    """

    image: bytes | Pixels
    done: "Future[ComputedImage]" = field(default_factory=Future)
    seen: SeenImage | None = None

    def finish(self, result: ComputedImage | BaseException) -> None:
        """Give the result to whoever waits for it, if anybody does."""
        with suppress(InvalidStateError):
            if isinstance(result, BaseException):
                self.done.set_exception(result)
            else:
                self.done.set_result(result)


class ImagePool:
    """Computes what a model's network makes of images.

    Args:
        model: the model.
        on_batch: is called with the size of each batch.
    """

    def __init__(
        self, model: ServedModel, *, on_batch: Callable[[int], None] = lambda count: None
    ) -> None:
        self.model = model
        self._on_batch = on_batch
        self._small = ThreadPoolExecutor(model.workers, "decode")
        self._large = ThreadPoolExecutor(1, "decode-large")
        self._telling = ThreadPoolExecutor(model.workers, "tell")
        self._changed = threading.Condition()
        self._decoding, self._idle, self._is_closed = 0, 0, False
        self._decoded: deque[_Job] = deque()
        self._workers = [
            threading.Thread(target=self._work, name="network", daemon=True)
            for _ in range(model.workers)
        ]
        for worker in self._workers:
            worker.start()

    def submit(self, image: bytes | Pixels) -> "Future[ComputedImage]":
        """Take an image; cancelling what is returned drops it at its next step.

        Args:
            image: the content of a file, or RGB as uint8 (H, W, 3).

        Returns:
            what the network made of it, or the `ImageError` of an image that cannot be read.
        """
        job = _Job(image)
        with self._changed:
            self._decoding += 1
        self._small.submit(self._decode_small, job)
        return job.done

    def tell(self, image: ComputedImage, wishes: Wishes) -> "Future[Values]":
        """Have the model tell of an image; see `ServedModel.tell`."""
        return self._telling.submit(self.model.tell, image.seen, image.output, wishes)

    def probabilities(self, image: ComputedImage) -> "Future[NDArray[numpy.float64]]":
        """Have the model tell the probabilities alone; see `ServedModel.probabilities`."""
        return self._telling.submit(self.model.probabilities, image.output)

    def close(self) -> None:
        """Finish what was taken, and end the threads."""
        self._small.shutdown()
        self._large.shutdown()
        self._telling.shutdown()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()

    def _decode_small(self, job: _Job) -> None:
        try:
            with no_large_image():
                self._decode(job)
        except LargeImageError:
            self._large.submit(self._decode_large, job)
        with self._changed:  # batches of others do not wait for a large one
            self._decoding -= 1
            self._changed.notify_all()

    def _decode_large(self, job: _Job) -> None:
        self._decode(job)

    def _decode(self, job: _Job) -> None:
        """Decode an image that is still wanted, and put it where batches are taken from.

        Raises:
            LargeImageError: this thread decodes no large ones.
        """
        if job.done.cancelled():
            return
        try:
            job.seen = self.model.see(job.image)
        except LargeImageError:
            raise
        except BaseException as error:  # it is raised where the output is asked for
            job.finish(error)
            return
        with self._changed:
            self._decoded.append(job)
            self._changed.notify_all()

    def _work(self) -> None:
        """Run the network on batches until the pool is closed."""
        session = self._session()
        while batch := self._take():
            wanted = [job for job in batch if not job.done.cancelled()]
            seen = [job.seen for job in wanted if job.seen is not None]
            if not seen:
                continue
            self._on_batch(len(seen))
            try:
                for job, image, output in zip(wanted, seen, session(seen), strict=True):
                    job.finish(ComputedImage(image, output))
            except BaseException as error:
                for job in wanted:
                    job.finish(error)

    def _session(self) -> Session:
        try:
            return self.model.session()
        except BaseException as error:
            failure = error

        def fail(images: object) -> list[Output]:
            raise failure

        return fail

    def _take(self) -> list[_Job]:
        """Return the next batch; nothing at the end."""
        with self._changed:
            self._idle += 1
            batch: list[_Job] = []
            while not batch and not (self._is_closed and not self._decoded):
                self._changed.wait_for(lambda: self._decoded or self._is_closed)
                self._changed.wait_for(
                    lambda: len(self._decoded) >= self._share(), timeout=GATHER_SECONDS
                )
                count = min(len(self._decoded), self._share())
                batch = [self._decoded.popleft() for _ in range(count)]
            self._idle -= 1
        return batch

    def _share(self) -> int:
        """Return how many images a worker had best take: its part of those that are on their way.

        The others that wait for images take theirs.
        """
        waiting = len(self._decoded) + self._decoding
        return max(1, min(self.model.batch_size, math.ceil(waiting / self._idle)))
