"""The source `imagenet`: torchvision's own weights, through torch's hub cache."""

import contextlib
import hashlib
import http.client
import os
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import torch

from torch_inception.errors import WeightsError
from torch_inception.system.atomic import temporary_folder
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.formats.state_file import read_state

SOURCE = "imagenet"
VERSION = "IMAGENET1K_V1"
URL = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
"""`torchvision.models.Inception_V3_Weights.IMAGENET1K_V1.url`; importing torchvision to ask for it
would take longer than all else that a second training does."""

PATIENCE_SECONDS = 10.0
"""How long a connection may be silent before the download is given up."""


def load() -> Weights:
    """Return `Inception_V3_Weights.IMAGENET1K_V1`, downloading it where it is not cached.

    torchvision sets `transform_input=True` for these weights: its network maps pixels that were
    normalised with ImageNet's mean and deviation back to [-1, 1]. Both steps together are the
    record's mean 0.5 and deviation 0.5.

    Raises:
        WeightsError: the file cannot be downloaded, or is not the one that torchvision names.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(URL).name
    # torch names its files NAME-HASH.pth, with the first digits of the content's SHA-256.
    hash_prefix = path.stem.rpartition("-")[2]
    # Unlike Path.exists, this takes folders that may not be looked into.
    if not os.path.exists(path):  # noqa: PTH110
        _download(URL, path, hash_prefix)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read {path} ({error.strerror or error}).") from error
    if not digest.startswith(hash_prefix):
        raise WeightsError(
            f"{path} is damaged: its SHA-256 begins with {digest[: len(hash_prefix)]}, not with "
            f"{hash_prefix}. Delete it, and it is downloaded again."
        )
    return make_weights(
        read_state(path),
        source=SOURCE,
        version=VERSION,
        pooling="torchvision",
        lineage="torchvision",
    )


def _download(url: str, path: Path, hash_prefix: str) -> None:
    try:
        _wait_for_answer(url)
        with temporary_folder(path) as folder, _socket_timeout(PATIENCE_SECONDS):
            file = folder / path.name
            torch.hub.download_url_to_file(url, str(file), hash_prefix, progress=True)
            file.replace(path)
    except (OSError, http.client.HTTPException, RuntimeError, EOFError) as error:
        raise WeightsError(
            f"cannot download {url}: {_cause(error)}. Behind a proxy, set HTTPS_PROXY; without a "
            f"network, copy the file to {path}, or name another file in --weights."
        ) from error


def _wait_for_answer(url: str) -> None:
    """Ask whether anybody is there, and give up after the patience, whatever hangs.

    A timeout on a socket holds for one address, and a name can have a dozen; looking the name up
    has no timeout at all. What is answered does not matter here: the download tells.

    Raises:
        TimeoutError: nobody answered.
    """

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        with contextlib.suppress(OSError, http.client.HTTPException):
            urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE_SECONDS)
    if asking.is_alive():
        raise TimeoutError


def _cause(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return _cause(error.reason)
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE_SECONDS:.0f} s"
    return str(error) or type(error).__name__


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Bound every wait on a socket; torch's download function has no argument for it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
