"""The source `imagenet`: torchvision's own weights, through torch's hub cache."""

import contextlib
import hashlib
import http.client
import os
import threading
import urllib.error
import urllib.request
from pathlib import Path

import torch
from tqdm import tqdm

from torch_inception.errors import WeightsError
from torch_inception.system.atomic import atomic_file
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.formats.state_file import read_state
from torch_inception.weights.sources.download_folder import download_folder

SOURCE = "imagenet"
VERSION = "IMAGENET1K_V1"
URL = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
"""`torchvision.models.Inception_V3_Weights.IMAGENET1K_V1.url`; importing torchvision to ask for it
would take longer than all else that a second training does."""

PATIENCE_SECONDS = 10.0
"""How long a connection may be silent before the download is given up."""

_CHUNK_BYTES = 2**16


def load(url: str = URL, *, patience: float = PATIENCE_SECONDS) -> Weights:
    """Return `Inception_V3_Weights.IMAGENET1K_V1`, downloading it where it is not cached.

    torchvision sets `transform_input=True` for these weights: its network maps pixels that were
    normalised with ImageNet's mean and deviation back to [-1, 1]. Both steps together are the
    record's mean 0.5 and deviation 0.5.

    Args:
        url: where the file is. Its name ends in the first digits of its SHA-256, as torch's do:
            `NAME-HASH.pth`.
        patience: seconds for which the server may be silent.

    Raises:
        WeightsError: the file cannot be downloaded, or is not the one that torchvision names.
        CacheError: there is no folder to keep it in.
    """
    path = Path(torch.hub.get_dir(), "checkpoints", Path(url).name)
    # Unlike Path.exists, this takes folders that may not be looked into.
    if not os.path.exists(path):  # noqa: PTH110
        path = download_folder(path.parent, "torch") / path.name
    if not os.path.exists(path):  # noqa: PTH110 - as above
        _download(url, path, patience)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read {path} ({error.strerror or error}).") from error
    if not digest.startswith(_hash_prefix(path)):
        raise WeightsError(
            f"{path} is damaged: its SHA-256 begins with {digest[:8]}, not with "
            f"{_hash_prefix(path)}. Delete it, and it is downloaded again."
        )
    return make_weights(
        read_state(path),
        source=SOURCE,
        version=VERSION,
        pooling="torchvision",
        lineage="torchvision",
    )


def _hash_prefix(path: Path) -> str:
    return path.stem.rpartition("-")[2]


def _download(url: str, path: Path, patience: float) -> None:
    try:
        _wait_for_answer(url, patience)
        with urllib.request.urlopen(url, timeout=patience) as answer, atomic_file(path) as file:
            if not _save(answer, file).startswith(_hash_prefix(path)):
                raise _failure(url, path, "what came is cut short, or it is another file")
    except (OSError, http.client.HTTPException) as error:
        raise _failure(url, path, _cause(error, patience)) from error


def _wait_for_answer(url: str, patience: float) -> None:
    """Ask whether anybody is there, and give up after the patience, whatever hangs.

    A timeout on a socket holds for one address, and a name can have a dozen; looking the name up
    has no timeout at all. What is answered does not matter here: the download tells.

    Raises:
        TimeoutError: nobody answered.
    """

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        with contextlib.suppress(OSError, http.client.HTTPException):
            urllib.request.urlopen(request, timeout=patience).close()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience)
    if asking.is_alive():
        raise TimeoutError


def _save(answer: http.client.HTTPResponse, path: Path) -> str:
    """Write what a server sends to a file, with a progress bar; return its SHA-256."""
    digest = hashlib.sha256()
    with (
        path.open("wb") as file,
        tqdm(total=answer.length, unit="B", unit_scale=True, leave=False, disable=None) as bar,
    ):
        while chunk := answer.read(_CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            bar.update(len(chunk))
    return digest.hexdigest()


def _failure(url: str, path: Path, cause: str) -> WeightsError:
    return WeightsError(
        f"cannot download {url}: {cause}. Behind a proxy, set HTTPS_PROXY; without a network, "
        f"copy the file to {path}, or name another file in --weights."
    )


def _cause(error: BaseException, patience: float) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return _cause(error.reason, patience)
    if isinstance(error, TimeoutError):
        return f"no answer within {patience:g} s"
    return str(error) or type(error).__name__
