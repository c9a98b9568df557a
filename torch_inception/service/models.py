"""The models of a server by name, and the change from one to its successor while it runs."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from starlette.exceptions import HTTPException

from torch_inception.service.image_pool import ImagePool
from torch_inception.service.metrics import Metrics
from torch_inception.service.served_model import ServedModel


class _Use:
    """A pool, and how many requests use it."""

    def __init__(self, pool: ImagePool) -> None:
        self.pool = pool
        self.requests = 0
        self.is_replaced = False


class Models:
    """Named models. All but `close` is for the thread of the event loop.

    Args:
        models: name -> model; the first one answers where a request names none.
        metrics: count their batches.
    """

    def __init__(self, models: Mapping[str, ServedModel], metrics: Metrics) -> None:
        self._metrics = metrics
        self._uses = {name: self._start(name, model) for name, model in models.items()}

    def __iter__(self) -> Iterator[tuple[str, ServedModel]]:
        return iter([(name, use.pool.model) for name, use in self._uses.items()])

    def named(self, name: str | None) -> str:
        """Return the name of the model that a request asks for.

        Raises:
            HTTPException: 404, there is no such model.
        """
        if name is None:
            return next(iter(self._uses))
        if name not in self._uses:
            known = ", ".join(self._uses)
            raise HTTPException(404, f"there is no model {name!r}. There are: {known}.")
        return name

    def model(self, name: str | None) -> ServedModel:
        """Return a model; see `named`."""
        return self._uses[self.named(name)].pool.model

    @contextmanager
    def using(self, name: str) -> Iterator[ImagePool]:
        """Give the pool of a model, which stays until the end of the block."""
        use = self._uses[name]
        use.requests += 1
        try:
            yield use.pool
        finally:
            use.requests -= 1
            self._close_unused(use)

    def replace(self, name: str, model: ServedModel) -> None:
        """Have another model answer from now on; what was begun ends with the one before."""
        before = self._uses[name]
        self._uses[name] = self._start(name, model)
        before.is_replaced = True
        self._close_unused(before)

    def close(self) -> None:
        """End the threads of all models."""
        for use in self._uses.values():
            use.pool.close()

    def _start(self, name: str, model: ServedModel) -> _Use:
        self._metrics.tell_model(name, model.facts.version)
        return _Use(ImagePool(model, on_batch=self._metrics.count_batch))

    @staticmethod
    def _close_unused(use: _Use) -> None:
        if use.is_replaced and not use.requests:
            threading.Thread(target=use.pool.close).start()
