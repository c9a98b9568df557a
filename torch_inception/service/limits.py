"""How much the server takes at once, and for how long; what does not fit is told to come again."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException

RETRY_SECONDS = 1
"""After which a client may ask again."""


@dataclass(frozen=True)
class Limits:
    """What requests are bounded by.

    Attributes:
        body_bytes: of a request at most.
        request_images: in a request at most.
        waiting_images: in all requests at a time.
        waiting_bytes: in the bodies of all requests at a time.
        connections: at a time.
        read_seconds: that a client may take to send its request, or to take an answer.
        answer_seconds: that an answer may take, waiting included.
    """

    body_bytes: int = 32 * 2**20
    request_images: int = 64
    waiting_images: int = 256
    waiting_bytes: int = 256 * 2**20
    connections: int = 512
    read_seconds: float = 30.0
    answer_seconds: float = 60.0


class Room:
    """Counts what is under way. It belongs to the thread of the event loop.

    Args:
        limits: what there may be.

    Attributes:
        images: that are under way.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.images, self._bytes = 0, 0

    def share(self) -> "Share":
        """Return a share for one request, to be used as a context."""
        return Share(self)

    def add(self, *, images: int = 0, count: int = 0) -> None:
        """Count so many images and bytes more.

        Raises:
            HTTPException: 503, there is no room for them.
        """
        is_full = (
            self.images + images > self._limits.waiting_images
            or self._bytes + count > self._limits.waiting_bytes
        )
        if is_full:
            raise busy("the server has all it can hold. Ask again in a moment.")
        self.images += images
        self._bytes += count

    def remove(self, *, images: int, count: int) -> None:
        """Count so many less."""
        self.images -= images
        self._bytes -= count


class Share:
    """What one request holds; it is given back at the end of the block.

    Args:
        room: that it is a share of.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._images, self._bytes = 0, 0

    def add_bytes(self, count: int) -> None:
        """Hold so many bytes more; see `Room.add`."""
        self._room.add(count=count)
        self._bytes += count

    def add_images(self, count: int) -> None:
        """Hold so many images more; see `Room.add`."""
        self._room.add(images=count)
        self._images += count

    def __enter__(self) -> "Share":
        return self

    def __exit__(self, *_: object) -> None:
        self._room.remove(images=self._images, count=self._bytes)


def busy(reason: str) -> HTTPException:
    """Return the error that tells a client to come again."""
    return HTTPException(503, reason, {"Retry-After": str(RETRY_SECONDS)})
