"""`/openapi.json`: what the server answers, for programs that write clients."""

import torch_inception

_Table = dict[str, object]


def _reference(name: str) -> _Table:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str) -> _Table:
    return {"application/json": {"schema": _reference(name)}}


def _parameter(name: str, schema: _Table, description: str, place: str = "query") -> _Table:
    return {
        "name": name, "in": place, "required": place == "path", "schema": schema,
        "description": description,
    }  # fmt: skip


def _operation(summary: str, replies: _Table, *, is_open: bool = False, **others: object) -> _Table:
    """Describe an operation, which is open to all or needs the token, if the server has one."""
    if is_open:
        return {"summary": summary, "responses": replies | _OTHER_NAME, "security": [], **others}
    return {"summary": summary, "responses": replies | _OTHER_NAME | _NO_TOKEN, **others}


def _reply(name: str, description: str = "The answer") -> _Table:
    return {"description": description, "content": _json(name)}


_TEXT: _Table = {"type": "string"}
_NUMBER: _Table = {"type": "number"}
_YES_OR_NO: _Table = {"type": "boolean"}
_NUMBERS: _Table = {"type": "array", "items": _NUMBER}
_ANYTHING: _Table = {"type": "object"}


def _or_null(schema: _Table) -> _Table:
    return {**schema, "type": [schema["type"], "null"]}


def _list(of: _Table) -> _Table:
    return {"type": "array", "items": of}


def _object(properties: _Table, *required: str) -> _Table:
    return {"type": "object", "properties": properties, "required": list(required or properties)}


_OTHER_NAME: _Table = {"421": _reply("Error", "The server is for its own machine")}
_NO_TOKEN: _Table = {"401": _reply("Error", "The token is missing or another")}
_NO_MODEL: _Table = {"404": _reply("Error", "There is no such model")}

_REFUSALS: _Table = {
    **_NO_MODEL,
    "400": _reply("Error", "The request is not as it should be"),
    "408": _reply("Error", "The body did not come in time"),
    "413": _reply("Error", "The body is too large"),
    "415": _reply("Error", "The body is of a kind that is not read"),
    "503": _reply("Error", "The server has all it can hold; see the header Retry-After"),
}

_MODEL = _parameter("model", _TEXT, "name of a model", "path")
_IMAGE: _Table = {"type": "string", "format": "binary"}

_SCHEMAS: _Table = {
    "Error": _object({"error": _TEXT}),
    "Prediction": _object({"label": _TEXT, "score": _NUMBER}),
    "Neighbour": _object(
        {"path": _TEXT, "label": _TEXT, "similarity": _NUMBER, "thumbnail": _or_null(_TEXT)}
    ),
    "Image": _object(
        {
            "path": _or_null(_TEXT),
            "predictions": _list(_reference("Prediction")),
            "error": _or_null(_TEXT),
            "known": _or_null(_YES_OR_NO),
            "distance": _or_null(_NUMBER),
            "threshold": _or_null(_NUMBER),
            "over_threshold": {"type": ["array", "null"], "items": _TEXT},
            "map": _or_null(_TEXT),
            "map_box": _or_null(_NUMBERS),
            "neighbours": {"type": ["array", "null"], "items": _reference("Neighbour")},
        },
        "path", "predictions", "error",
    ),
    "Images": _object(
        {
            "predictions": _list(_reference("Image")),
            "model": _TEXT,
            "model_version": _TEXT,
            "error": _TEXT,
        },
        "predictions", "model", "model_version",
    ),
    "Models": _object(
        {
            "models": _list(
                _object(
                    {
                        "name": _TEXT,
                        "labels": _list(_TEXT),
                        "version": _TEXT,
                        "has_distance": _YES_OR_NO,
                        "has_maps": _YES_OR_NO,
                        "has_neighbours": _YES_OR_NO,
                        "several_labels": _YES_OR_NO,
                        "image_size": {"type": "integer"},
                        "accuracy": _or_null(_NUMBER),
                        "accuracy_of": _or_null(_TEXT),
                        "accuracy_n": {"type": "integer"},
                    }
                )
            )
        }
    ),
    "InferenceRequest": _object(
        {
            "id": _TEXT,
            "inputs": _list(
                _object(
                    {
                        "name": {"type": "string", "enum": ["images", "files"]},
                        "datatype": {"type": "string", "enum": ["UINT8", "BYTES"]},
                        "shape": _list({"type": "integer"}),
                        "data": {"type": "array"},
                    }
                )
            ),
        },
        "inputs",
    ),
    "Anything": _ANYTHING,
}  # fmt: skip

_PREDICT = _operation(
    "Name images",
    {"200": _reply("Images"), "422": _reply("Images", "The only image is bad"), **_REFUSALS},
    parameters=[
        _parameter("model", _TEXT, "name of a model; the first one answers without"),
        _parameter("top", {"type": "integer", "minimum": 1, "default": 5}, "classes, best first"),
        _parameter("map", _YES_OR_NO, "tell what of the image speaks for its best class"),
        _parameter(
            "neighbours", {"type": "integer", "minimum": 0}, "training images that it is most like"
        ),
    ],
    requestBody={
        "required": True,
        "content": {
            "application/octet-stream": {"schema": _IMAGE},
            "image/*": {"schema": _IMAGE},
            "multipart/form-data": {
                "schema": {"type": "object", "additionalProperties": _list(_IMAGE)}
            },
        },
    },
)

_INFER = _operation(
    "Give the probability of each class",
    {"200": _reply("Anything"), "422": _reply("Error", "An image is bad"), **_REFUSALS},
    parameters=[_MODEL],
    requestBody={"required": True, "content": _json("InferenceRequest")},
)

OPENAPI: _Table = {
    "openapi": "3.1.0",
    "info": {"title": "torch_inception", "version": torch_inception.__version__},
    "security": [{"token": []}, {}],
    "paths": {
        "/predict": {"post": _PREDICT},
        "/models": {"get": _operation("List the models", {"200": _reply("Models")})},
        "/v2": {"get": _operation("What the server is", {"200": _reply("Anything")})},
        "/v2/health/live": {
            "get": _operation("It is there", {"200": _reply("Anything")}, is_open=True)
        },
        "/v2/health/ready": {
            "get": _operation("It is ready", {"200": _reply("Anything")}, is_open=True)
        },
        "/v2/models/{model}": {
            "get": _operation(
                "What a model takes and gives",
                {"200": _reply("Anything"), **_NO_MODEL},
                parameters=[_MODEL],
            )
        },
        "/v2/models/{model}/ready": {
            "get": _operation(
                "A model is ready", {"200": _reply("Anything"), **_NO_MODEL}, parameters=[_MODEL]
            )
        },
        "/v2/models/{model}/infer": {"post": _INFER},
        "/metrics": {
            "get": _operation(
                "Counters, as Prometheus reads them",
                {"200": {"description": "Counters", "content": {"text/plain": {"schema": _TEXT}}}},
            )
        },
        "/openapi.json": {"get": _operation("This document", {"200": _reply("Anything")})},
        "/": {
            "get": _operation(
                "A page for people",
                {"200": {"description": "HTML", "content": {"text/html": {"schema": _TEXT}}}},
                is_open=True,
            )
        },
        "/static/{name}": {
            "get": _operation(
                "A file of the page",
                {"200": {"description": "The file"}, "404": _reply("Error", "There is none")},
                is_open=True,
                parameters=[_parameter("name", _TEXT, "of the file", "path")],
            )
        },
    },
    "components": {
        "schemas": _SCHEMAS,
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    },
}
"""The document."""
