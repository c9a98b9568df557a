"""From images to answers, for as long as the client is there and the time is not over."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from starlette.requests import ClientDisconnect, Request

from torch_inception.errors import ImageError
from torch_inception.images.preprocess import Pixels
from torch_inception.service.image_pool import ComputedImage, ImagePool
from torch_inception.service.limits import Limits, Room, busy
from torch_inception.service.metrics import Metrics
from torch_inception.service.models import Models

Told = TypeVar("Told")

Tell = Callable[[ImagePool, ComputedImage], Future[Told]]
"""Has an answer made of what was computed of an image."""


@dataclass(frozen=True)
class Service:
    """What all routes share.

    Attributes:
        models: that answer.
        metrics: that count.
        limits: of requests.
        room: for what is under way.
        parsing: held while JSON with images is read.
    """

    models: Models
    metrics: Metrics
    limits: Limits
    room: Room
    parsing: asyncio.Lock = field(default_factory=asyncio.Lock)


def service_of(request: Request) -> Service:
    """Return what the routes of a request's application share."""
    service: Service = request.app.state.service
    return service


async def answer_images(
    request: Request, name: str, images: Sequence[bytes | Pixels], tell: Tell[Told]
) -> list[Told | ImageError]:
    """Return the answer to each image, or the error of one that cannot be read.

    What was not begun is dropped when the client leaves or the time is over.

    Args:
        request: that has the images.
        name: of the model.
        images: contents of files, or pixels.
        tell: makes the answers.

    Raises:
        ClientDisconnect: the client left.
        HTTPException: 503, it took too long.
    """
    service = service_of(request)
    with service.models.using(name) as pool:
        jobs = [pool.submit(image) for image in images]

        async def answer(job: "Future[ComputedImage]") -> Told | ImageError:
            try:
                computed = await asyncio.wrap_future(job)
            except ImageError as error:
                service.metrics.count_image(is_named=False)
                return error
            told = await asyncio.wrap_future(tell(pool, computed))
            service.metrics.count_image(is_named=True)
            return told

        try:
            async with (
                asyncio.timeout(service.limits.answer_seconds),
                asyncio.TaskGroup() as group,
            ):
                client = group.create_task(_raise_when_gone(request))
                tasks = [group.create_task(answer(job)) for job in jobs]
                answers = [await task for task in tasks]
                client.cancel()
            return answers
        except TimeoutError:
            seconds = service.limits.answer_seconds
            raise busy(f"no answer within {seconds:g} seconds. Ask again later.") from None
        except BaseExceptionGroup as faults:  # the first one ended the other tasks
            raise faults.exceptions[0] from None
        finally:
            for job in jobs:
                job.cancel()


async def _raise_when_gone(request: Request) -> NoReturn:
    """Wait until the client leaves.

    Raises:
        ClientDisconnect: it left.
    """
    while (await request.receive())["type"] != "http.disconnect":
        pass
    raise ClientDisconnect
