"""The server's process: a socket, uvicorn on a thread, and the change to retrained models."""

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from torch_inception.errors import ConfigError
from torch_inception.service.limits import RETRY_SECONDS, Limits

log = logging.getLogger(__name__)

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Retry-After: %d\r\nContent-Length: %d\r\n\r\n%s"
)
_TOO_MANY = b'{"error": "the server has all the connections it can hold. Ask again in a moment."}'


def limited_protocol(limits: Limits) -> type[H11Protocol]:
    """Return uvicorn's protocol, with limits to connections and to the time a request may take."""

    class LimitedProtocol(H11Protocol):
        """Ends a connection on which no request begins in time, or no answer is taken.

        uvicorn's own settings do less. `limit_concurrency` looks at connections only once a request
        has come on one, so that any number may stand open, and answers in plain text.
        `timeout_keep_alive` begins after an answer: who connects and sends nothing, or takes no
        answer, would hold a connection for ever.
        """

        def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
            super().__init__(*arguments, **named)
            self._deadline: asyncio.TimerHandle | None = None
            self._until_taken: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                transport.write(_FULL % (RETRY_SECONDS, len(_TOO_MANY), _TOO_MANY))
                transport.close()
            self._expect_request()

        def connection_lost(self, exc: Exception | None) -> None:
            for timer in (self._deadline, self._until_taken):
                if timer is not None:
                    timer.cancel()
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._expect_request()

        def pause_writing(self) -> None:
            super().pause_writing()
            # Closing would wait for the client to take what is left.
            self._until_taken = self.loop.call_later(limits.read_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._until_taken is not None:
                self._until_taken.cancel()

        def _expect_request(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
            self._deadline = self.loop.call_later(limits.read_seconds, self._end_if_none_began)

        def _end_if_none_began(self) -> None:
            if self.cycle is None or self.cycle.response_complete:
                self.transport.abort()

    return LimitedProtocol


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ConfigError: the address is none of this machine, or is in use.
    """
    try:
        [(family, *_), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"host = {host!r}, port = {port}: nothing can listen there ({reason}). Name another "
            "--port or --host."
        ) from error


def check_certificate(certificate: str, key: str) -> None:
    """Do nothing if TLS can be had with these files.

    Raises:
        ConfigError: they cannot be read, or do not belong together.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"certificate = {certificate!r}, key = {key!r}: these are no certificate and key in "
            f"PEM that belong together ({error})."
        ) from error


class ServerThread:
    """uvicorn on a thread of its own, so that the main one is left for signals and reloading.

    Args:
        app: the application.
        listener: the socket.
        limits: of requests.
        certificate: file in PEM for TLS; "" for none.
        key: its file.
    """

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        limits: Limits,
        *,
        certificate: str = "",
        key: str = "",
    ) -> None:
        config = uvicorn.Config(
            app,
            http=limited_protocol(limits),
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level=logging.CRITICAL,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=round(limits.read_seconds + limits.answer_seconds),
            ssl_certfile=certificate or None,
            ssl_keyfile=key or None,
        )
        self._server = uvicorn.Server(config)
        self._listener = listener
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="server")

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, and wait until what was begun is answered.

        Raises:
            BaseException: what ended the server before.
        """
        self._server.should_exit = True
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    @property
    def is_running(self) -> bool:
        """Whether it answers."""
        return self._thread.is_alive()

    def call(self, work: Callable[[], None]) -> None:
        """Have work done on the thread of the event loop, between two steps of requests."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(work)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # it is raised where the server is stopped
            self._failure = error

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._listener])
