"""What the server counts, in the form of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PREFIX = "torch_inception"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BATCHES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters of one server, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            f"{_PREFIX}_requests", "Answered requests", ["status"], registry=self._registry
        )
        self._seconds = Histogram(
            f"{_PREFIX}_request_seconds", "From a request's head to the end of its answer",
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._images = Counter(
            f"{_PREFIX}_images", "Images, by what became of them", ["outcome"],
            registry=self._registry,
        )  # fmt: skip
        self._waiting = Gauge(
            f"{_PREFIX}_waiting_images", "Images that are under way", registry=self._registry
        )
        self._batches = Histogram(
            f"{_PREFIX}_batch_images", "Images in a batch of the network",
            buckets=_BATCHES, registry=self._registry,
        )  # fmt: skip
        self._models = Gauge(
            f"{_PREFIX}_model", "1 for each model that answers", ["model", "version"],
            registry=self._registry,
        )  # fmt: skip
        self._versions: dict[str, str] = {}

    def count_request(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(status).inc()
        self._seconds.observe(seconds)

    def count_image(self, *, is_named: bool) -> None:
        """Count an image that was named, or could not be read."""
        self._images.labels("named" if is_named else "bad").inc()

    def count_batch(self, count: int) -> None:
        """Count a batch of so many images."""
        self._batches.observe(count)

    def tell_model(self, name: str, version: str) -> None:
        """Tell which version of a model answers."""
        if name in self._versions:
            self._models.remove(name, self._versions[name])
        self._versions[name] = version
        self._models.labels(name, version).set(1)

    def page(self, waiting: int) -> bytes:
        """Return all counters as Prometheus reads them.

        Args:
            waiting: images that are under way.
        """
        self._waiting.set(waiting)
        return generate_latest(self._registry)
