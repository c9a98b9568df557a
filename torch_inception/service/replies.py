"""Answers as JSON, errors in one form."""

import json
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response


def json_reply(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return plain values as JSON, in ASCII: names may hold characters that are no text."""
    text = json.dumps(content, allow_nan=False)
    return Response(text, status, headers, media_type="application/json")


def error_reply(reason: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error in the form that all have."""
    return json_reply({"error": reason}, status, headers)


_REASONS = {
    404: "there is nothing at this address. GET /openapi.json lists what there is.",
    405: "this address takes other methods. GET /openapi.json lists them.",
}


async def http_error(request: Request, error: Exception) -> Response:
    """Answer a request that cannot be answered as it is."""
    assert isinstance(error, HTTPException)
    is_of_router = error.detail in ("Not Found", "Method Not Allowed")
    reason = _REASONS[error.status_code] if is_of_router else error.detail
    return error_reply(reason, error.status_code, error.headers)


async def fault(request: Request, error: Exception) -> Response:
    """Answer where a mistake of ours was made; it goes on to be logged."""
    return error_reply("a fault of the server, which is in its log.", 500)
