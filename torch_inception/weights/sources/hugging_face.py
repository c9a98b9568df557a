"""The sources `hf:OWNER/NAME`: repositories with timm's weights on the Hugging Face hub.

The package `huggingface_hub` fetches them, so its settings hold: `HF_ENDPOINT` (a mirror),
`HF_HOME` (the cache), `HF_HUB_OFFLINE`, `HF_TOKEN`, and the proxy's `HTTPS_PROXY`.
"""

import contextlib
import re
from pathlib import Path

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.checked import Weights
from torch_inception.weights.formats import safetensors_file
from torch_inception.weights.formats.state_file import read_state
from torch_inception.weights.formats.timm_config import CONFIG, make_described_weights, read_config
from torch_inception.weights.sources.download_folder import download_folder

PREFIX = "hf:"

_PART = r"\w[\w.-]*"
NAME = re.compile(
    rf"hf:(?P<repository>({_PART}/)?{_PART})(@(?P<revision>{_PART}(/{_PART})*))?", re.ASCII
)
"""`hf:OWNER/NAME`, or `hf:OWNER/NAME@REVISION`: a branch, a tag or a commit. The hub's cache makes
paths of both, so no part is `..` or empty."""

SAFETENSORS, PICKLE = "model.safetensors", "pytorch_model.bin"
"""The names that timm gives its files; the second is read, without unpickling, for want of the
first."""

ADVICE = (
    "Behind a proxy, set HTTPS_PROXY; for a mirror, HF_ENDPOINT; without a network, copy "
    f"{SAFETENSORS} and {CONFIG} into a folder and name the first in --weights."
)


def load(name: str) -> Weights:
    """Return the weights in a repository, from the hub's own cache where they are there.

    Args:
        name: as `NAME` has it. The record's version is the commit that was used.

    Raises:
        WeightsError: they cannot be had, or are not those of an Inception-v3.
        CacheError: there is no folder to keep them in.
    """
    match = NAME.fullmatch(name)
    assert match is not None
    repository, revision = match["repository"], match["revision"]
    found = _fetch(repository, CONFIG, revision)
    config = read_config(found) if found else None
    if config is not None and not config.is_inception:
        raise WeightsError(
            f"{repository} holds a {brief(config.architecture)}, not an inception_v3 of timm's."
        )
    if path := _fetch(repository, SAFETENSORS, revision):
        state = safetensors_file.read_tensors(path)
    elif path := _fetch(repository, PICKLE, revision):
        state = read_state(path)
    else:
        raise WeightsError(f"{repository} has neither {SAFETENSORS} nor {PICKLE}.")
    # The hub's cache keeps each file as snapshots/COMMIT/FILE.
    return make_described_weights(state, config, source=name, version=path.parent.name)


def _fetch(repository: str, file: str, revision: str | None) -> Path | None:
    """Return a file of a repository in the hub's cache; None where the repository has none.

    Raises:
        WeightsError: it cannot be had.
    """
    try:
        import huggingface_hub as hub
        from huggingface_hub.errors import EntryNotFoundError, HFValidationError
    except ImportError as error:
        raise WeightsError(
            f"{PREFIX}{repository} needs huggingface_hub: pip install 'torch-inception[timm]'."
        ) from error
    cache = _cache(repository)
    try:
        # Where the file is not there, the download has the cache remember it.
        with contextlib.suppress(EntryNotFoundError):
            # A download that nobody answers would be tried again for minutes.
            hub.get_hf_file_metadata(hub.hf_hub_url(repository, file, revision=revision))
        return Path(hub.hf_hub_download(repository, file, revision=revision, cache_dir=cache))
    except Exception as error:  # whatever the hub's client and the one below it raise
        if _is_not_there(error):
            return None
        cached = None
        if not isinstance(error, HFValidationError):
            cached = hub.try_to_load_from_cache(
                repository, file, revision=revision, cache_dir=cache
            )
        if not cached:
            raise WeightsError(f"cannot have {file} of {repository}: {_cause(error)}") from error
        # The cache also knows what was not there.
        return Path(cached) if isinstance(cached, str) else None


def _cache(repository: str) -> Path:
    """Return the hub's cache where it has the repository or can be written, else one of our own."""
    from huggingface_hub.constants import HF_HUB_CACHE

    # Its layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
    if Path(HF_HUB_CACHE, f"models--{repository.replace('/', '--')}").is_dir():
        return Path(HF_HUB_CACHE)
    return download_folder(HF_HUB_CACHE, "huggingface")


def _is_not_there(error: Exception) -> bool:
    """Tell whether the repository was asked, and has no such file."""
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    is_unanswered = isinstance(error, LocalEntryNotFoundError)
    return isinstance(error, EntryNotFoundError) and not is_unanswered


def _cause(error: Exception) -> str:
    """Return what went wrong, and the cure, on one line."""
    from huggingface_hub import errors

    first: BaseException = error
    # "Connection refused" tells more than what was made of it on the way up.
    while below := first.__cause__ or first.__context__:
        first = below
    reason = brief(next(iter(str(first).splitlines()), "") or type(first).__name__)
    status = getattr(getattr(error, "response", None), "status_code", None)
    match error:
        case errors.HFValidationError():
            return reason
        case errors.OfflineModeIsEnabled():
            return f"HF_HUB_OFFLINE is set, and it is not in the hub's cache. Unset it. {ADVICE}"
        case errors.GatedRepoError():
            return "its owner wants to be asked. Do so on its page, and set HF_TOKEN."
        case errors.RepositoryNotFoundError():
            return (
                f"there is no such repository (HTTP {status}), or it is private. Check its name; "
                "for a private one, set HF_TOKEN."
            )
        case errors.RevisionNotFoundError():
            return "there is no such revision. Check what comes after the @."
    if status in (401, 403):
        return f"{reason}. If it is for some people only, set HF_TOKEN. {ADVICE}"
    return f"{reason}. {ADVICE}"
