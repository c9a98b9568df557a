"""What every request passes: the name of the server, the token, the log, the counters."""

import hmac
import ipaddress
import logging
import re
import time
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from torch_inception.service.metrics import Metrics
from torch_inception.service.replies import error_reply
from torch_inception.system.escape import brief

log = logging.getLogger(__name__)

OPEN_TO_ALL = ("/", "/v2/health/live", "/v2/health/ready")
"""Addresses that need no token; so do those that begin with `STATIC`."""

STATIC = "/static/"

CLIENT_LEFT = 499
"""What is counted where there was nobody left to answer, as nginx does."""


class Gate:
    """Stands before the application.

    Args:
        app: the application.
        metrics: count each answer.
        token: that clients have to name; "" where all may ask.
        is_local: whether only browsers may ask that reach the server by a name of this machine. A
            page of another site could lead its own name here (DNS rebinding), and read answers.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, *, token: str, is_local: bool) -> None:
        self._app, self._metrics, self._is_local = app, metrics, is_local
        self._authorization = f"Bearer {token}".encode() if token else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        assert scope["type"] == "http"
        start, status = time.monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._chosen(scope)(scope, receive, noted)
        except ClientDisconnect:
            status = CLIENT_LEFT
        except Exception:
            log.exception("a fault of ours at %s %s", scope["method"], scope["path"])
        seconds = time.monotonic() - start
        self._metrics.count_request(status, seconds)
        log.info("%s %s %d in %.3f s", scope["method"], brief(scope["path"]), status, seconds)

    def _chosen(self, scope: Scope) -> ASGIApp:
        """Return what answers a request: the application, or why it may not ask."""
        headers = dict(scope["headers"])
        if self._is_local and not _names_this_machine(headers.get(b"host", b"").decode("latin-1")):
            return error_reply(
                "this server is for its own machine: ask it by 127.0.0.1 or localhost, or start it "
                "with a token.",
                HTTPStatus.MISDIRECTED_REQUEST,
            )
        path: str = scope["path"]
        if not self._authorization or path in OPEN_TO_ALL or path.startswith(STATIC):
            return self._app
        if hmac.compare_digest(headers.get(b"authorization", b""), self._authorization):
            return self._app
        return error_reply(
            "this needs the server's token, in a header 'Authorization: Bearer TOKEN'.",
            HTTPStatus.UNAUTHORIZED,
            {"WWW-Authenticate": "Bearer"},
        )


def _names_this_machine(host: str) -> bool:
    """Tell whether a header `Host` has a number, or a name that stands for this machine."""
    name = re.sub(r":\d*$", "", host).strip("[]").lower()
    if name in ("", "localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
