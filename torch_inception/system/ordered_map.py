"""Run batches of work on several threads and give the results in input order, as they come."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_POLL_SECONDS = 0.1


Work = Callable[[Sequence[Item]], Sequence[Result]]
"""Maps a batch to as many results."""


def ordered_map(
    make_worker: Callable[[], Work[Item, Result]],
    items: Iterable[Item],
    *,
    workers: int,
    batch_size: int,
) -> Iterator[Result]:
    """Map items to results, batch by batch, in input order.

    A worker takes what is waiting, up to a batch, and does not wait for more: a slow source (a
    person at the keyboard) gets each answer at once, a fast one full batches. Items are read
    ahead by a bounded number, so memory does not grow with the input.

    Args:
        make_worker: called once on each worker's thread, for what the thread does and owns; what
            it or its work raises is raised here.
        items: read on a thread of its own; what it raises is raised here, in its place.
        workers: number of threads.
        batch_size: largest batch.
    """
    stream = _Stream(make_worker, workers=workers, batch_size=batch_size)
    threads = [threading.Thread(target=stream.serve, daemon=True) for _ in range(workers)]
    # The reader may be waiting for a person to type: nobody waits for it.
    reader = threading.Thread(target=stream.feed, args=(items,), daemon=True)
    for thread in [reader, *threads]:
        thread.start()
    try:
        while (future := stream.order.get()) is not None:
            yield future.result()
    finally:
        stream.stop(workers)
        for thread in threads:
            # A thread that still runs the network when Python ends would abort the process.
            thread.join()


class _Stream(Generic[Item, Result]):
    def __init__(
        self,
        make_worker: Callable[[], Work[Item, Result]],
        *,
        workers: int,
        batch_size: int,
    ) -> None:
        self.make_worker = make_worker
        self.batch_size = batch_size
        self.order: queue.Queue[Future[Result] | None] = queue.Queue(3 * workers * batch_size)
        self.waiting: queue.SimpleQueue[tuple[Item, Future[Result]] | None] = queue.SimpleQueue()
        self.stopped = threading.Event()

    def feed(self, items: Iterable[Item]) -> None:
        """Read the items; give each a place in the order of results."""
        try:
            for item in items:
                future: Future[Result] = Future()
                if not self._put(future):
                    return
                self.waiting.put((item, future))
        except BaseException as error:  # it is raised on the caller's thread
            failed: Future[Result] = Future()
            failed.set_exception(error)
            self._put(failed)
        self._put(None)

    def serve(self) -> None:
        """Work on batches until the consumer is done."""
        work = self._worker()
        while (batch := self._take()) and not self.stopped.is_set():
            try:
                results = work([item for item, _ in batch])
                for (_, future), result in zip(batch, results, strict=True):
                    future.set_result(result)
            except BaseException as error:  # it is raised on the caller's thread
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)

    def _worker(self) -> Work[Item, Result]:
        try:
            return self.make_worker()
        except BaseException as error:
            failure = error

        def fail(batch: Sequence[Item]) -> Sequence[Result]:
            raise failure

        return fail

    def stop(self, workers: int) -> None:
        """Let the threads end: nobody waits for results any more."""
        self.stopped.set()
        for _ in range(workers):
            self.waiting.put(None)

    def _take(self) -> list[tuple[Item, Future[Result]]]:
        """Return what is waiting, up to a batch; wait for the first; nothing at the end."""
        batch: list[tuple[Item, Future[Result]]] = []
        entry = self.waiting.get()
        while entry is not None:
            batch.append(entry)
            if len(batch) == self.batch_size:
                break
            try:
                entry = self.waiting.get_nowait()
            except queue.Empty:
                break
        return batch

    def _put(self, future: "Future[Result] | None") -> bool:
        """Append to the order; False when nobody waits for results any more."""
        while not self.stopped.is_set():
            try:
                self.order.put(future, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False
