"""The routes of the Open Inference Protocol, version 2, that KServe and Triton have too."""

import asyncio
import itertools

import numpy
from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import torch_inception
from torch_inception.errors import ImageError
from torch_inception.service.answers import answer_images, service_of
from torch_inception.service.bodies import read_body
from torch_inception.service.image_pool import ImagePool
from torch_inception.service.inference_request import (
    DATATYPES,
    FILES,
    PIXELS,
    PROBABILITIES,
    read_inference_request,
)
from torch_inception.service.replies import json_reply

PLATFORM = "torch_inception"

JSON = "application/json"


async def server(request: Request) -> Response:
    """Tell what the server is."""
    return json_reply({"name": PLATFORM, "version": torch_inception.__version__, "extensions": []})


async def live(request: Request) -> Response:
    """Tell that the server is there."""
    return json_reply({"live": True})


async def ready(request: Request) -> Response:
    """Tell that it is ready: its models are loaded before it begins to listen."""
    return json_reply({"ready": True})


async def model(request: Request) -> Response:
    """Tell what a model takes and gives."""
    name = _name(request)
    facts = service_of(request).models.model(name).facts
    labels = list(facts.labels)
    return json_reply(
        {
            "name": name,
            "versions": [facts.version],
            "platform": PLATFORM,
            "inputs": [
                {"name": PIXELS, "datatype": DATATYPES[PIXELS], "shape": [-1, -1, -1, 3]},
                {"name": FILES, "datatype": DATATYPES[FILES], "shape": [-1]},
            ],
            "outputs": [
                {
                    "name": PROBABILITIES,
                    "datatype": "FP64",
                    "shape": [-1, len(labels)],
                    "parameters": {"labels": labels},
                }
            ],
        }
    )


async def model_ready(request: Request) -> Response:
    """Tell that a model is ready: those that are there are."""
    return json_reply({"name": _name(request), "ready": True})


async def infer(request: Request) -> Response:
    """Give the probabilities of the classes for the images of a request."""
    service = service_of(request)
    with service.room.share() as share:
        body = await read_body(request, service.limits, share)
        name = _name(request)
        kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if kind != JSON:
            raise HTTPException(415, f"the body must be {JSON}, not {kind}.")
        async with service.parsing:  # what JSON becomes in memory is many times as large
            asked = await asyncio.to_thread(
                read_inference_request, body, service.limits.request_images
            )
        del body
        share.add_images(len(asked.images))
        facts = service.models.model(name).facts
        answers = await answer_images(request, name, asked.images, ImagePool.probabilities)
    reply = {
        "model_name": name,
        "model_version": facts.version,
        "outputs": [
            {
                "name": PROBABILITIES,
                "datatype": "FP64",
                "shape": [len(answers), len(facts.labels)],
                "data": list(
                    itertools.chain.from_iterable(map(_values, range(len(answers)), answers))
                ),
            }
        ],
    }
    return json_reply(reply if asked.id is None else {"id": asked.id, **reply})


def _values(place: int, answer: NDArray[numpy.float64] | ImageError) -> list[float]:
    if isinstance(answer, ImageError):
        raise HTTPException(422, f"image {place}: {answer}")
    values: list[float] = answer.tolist()
    return values


def _name(request: Request) -> str:
    return service_of(request).models.named(request.path_params["model"])
