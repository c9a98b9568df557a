"""Where downloads are kept: in the cache of the program that would do the same, or in ours."""

from pathlib import Path

from torch_inception.errors import WeightsError
from torch_inception.system.cache_folder import CACHE_VARIABLE, cache_folder, is_writable


def download_folder(theirs: str | Path, name: str) -> Path:
    """Return the cache folder of another program where it can be written, else one in our cache.

    Args:
        theirs: the other program's; made if it does not exist.
        name: of the folder in our cache.

    Raises:
        CacheError: our cache is needed, and there is no home to look for it in.
        WeightsError: neither can be written.
    """
    if is_writable(theirs):
        return Path(theirs)
    ours = cache_folder() / "downloads" / name
    if not is_writable(ours):
        raise WeightsError(
            f"neither {theirs} nor {ours} can be written. Set {CACHE_VARIABLE} to a folder that "
            "can be."
        )
    return ours
