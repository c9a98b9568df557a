"""The application: routes, and what they share."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from torch_inception.service import inference_protocol as v2
from torch_inception.service.answers import Service, service_of
from torch_inception.service.gate import Gate
from torch_inception.service.limits import Limits, Room
from torch_inception.service.metrics import CONTENT_TYPE, Metrics
from torch_inception.service.models import Models
from torch_inception.service.openapi import OPENAPI
from torch_inception.service.page import page, page_files
from torch_inception.service.predict_routes import models as list_models
from torch_inception.service.predict_routes import predict
from torch_inception.service.replies import fault, http_error, json_reply
from torch_inception.service.served_model import ServedModel


def make_service(models: Mapping[str, ServedModel], limits: Limits | None = None) -> Service:
    """Start the threads of models.

    Args:
        models: name -> model; the first one answers where a request names none.
        limits: of requests.
    """
    metrics, limits = Metrics(), limits or Limits()
    return Service(Models(models, metrics), metrics, limits, Room(limits))


def make_app(service: Service, *, token: str = "", is_local: bool = False) -> ASGIApp:
    """Return the application.

    Args:
        service: that answers.
        token: that clients have to name; "" where all may ask.
        is_local: see `Gate`.
    """
    app = Starlette(routes=ROUTES, exception_handlers={HTTPException: http_error, Exception: fault})
    app.router.redirect_slashes = False
    app.state.service = service
    app.state.page = page_files()
    return Gate(app, service.metrics, token=token, is_local=is_local)


async def _metrics(request: Request) -> Response:
    service = service_of(request)
    content = service.metrics.page(service.room.images)
    return Response(content, headers={"Content-Type": CONTENT_TYPE})


async def _openapi(request: Request) -> Response:
    return json_reply(OPENAPI)


ROUTES = [
    Route("/predict", predict, methods=["POST"]),
    Route("/models", list_models),
    Route("/v2", v2.server),
    Route("/v2/health/live", v2.live),
    Route("/v2/health/ready", v2.ready),
    Route("/v2/models/{model}", v2.model),
    Route("/v2/models/{model}/ready", v2.model_ready),
    Route("/v2/models/{model}/infer", v2.infer, methods=["POST"]),
    Route("/metrics", _metrics),
    Route("/openapi.json", _openapi),
    Route("/", page),
    Route("/static/{name}", page),
]
