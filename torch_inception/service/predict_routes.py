"""`POST /predict` and `GET /models`."""

from concurrent.futures import Future

from starlette.requests import Request
from starlette.responses import Response

from torch_inception.errors import ImageError
from torch_inception.images.preprocess import IMAGE_SIZE
from torch_inception.service.answers import answer_images, service_of
from torch_inception.service.bodies import read_body, sent_files
from torch_inception.service.image_pool import ComputedImage, ImagePool
from torch_inception.service.queries import read_query
from torch_inception.service.replies import json_reply
from torch_inception.service.served_model import ModelFacts, Values, Wishes


async def predict(request: Request) -> Response:
    """Name the images of a request."""
    service = service_of(request)
    with service.room.share() as share:
        body = await read_body(request, service.limits, share)
        asked, wishes = read_query(request)
        name = service.models.named(asked)
        files = await sent_files(request, body, service.limits)
        del body
        share.add_images(len(files))
        facts = service.models.model(name).facts

        def tell(pool: ImagePool, image: ComputedImage) -> "Future[Values]":
            return pool.tell(image, wishes)

        contents = [file.content for file in files]
        answers = await answer_images(request, name, contents, tell)
    told = [
        _image(file.name, answer, facts, wishes)
        for file, answer in zip(files, answers, strict=True)
    ]
    reply = {"predictions": told, "model": name, "model_version": facts.version}
    if len(answers) == 1 and isinstance(answers[0], ImageError):
        return json_reply(reply | {"error": str(answers[0])}, 422)
    return json_reply(reply)


def _image(
    name: str | None, answer: Values | ImageError, facts: ModelFacts, wishes: Wishes
) -> Values:
    """Return what is told of an image, with the names that `predict --format json` has."""
    names = ["known", "distance", "threshold"] if facts.has_distance else []
    names += ["over_threshold"] if facts.has_thresholds else []
    names += ["map", "map_box"] if wishes.map else []
    names += ["neighbours"] if wishes.neighbours else []
    nothing: Values = {"path": name, "predictions": [], "error": None} | dict.fromkeys(names)
    if isinstance(answer, ImageError):
        return {**nothing, "error": str(answer)}
    return {**nothing, **answer}


async def models(request: Request) -> Response:
    """List the models."""
    listed = [
        {
            "name": name,
            "labels": list(model.facts.labels),
            "version": model.facts.version,
            "has_distance": model.facts.has_distance,
            "has_maps": model.facts.has_maps,
            "has_neighbours": model.facts.has_neighbours,
            "several_labels": model.facts.several_labels,
            "image_size": IMAGE_SIZE,
            "accuracy": model.facts.accuracy.share,
            "accuracy_of": model.facts.accuracy.of,
            "accuracy_n": model.facts.accuracy.images,
        }
        for name, model in service_of(request).models
    ]
    return json_reply({"models": listed})
