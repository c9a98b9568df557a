"""Read a `.keras` file: a zip archive of a configuration and a `.weights.h5`."""

import mmap
import re
import zipfile
import zlib
from itertools import islice
from pathlib import Path

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief
from torch_inception.weights.formats.local_file import require_size
from torch_inception.weights.formats.tarball import leads_outside

SIZE_LIMIT = 2**29
"""Bytes of the largest `.keras` file."""

ENTRY_LIMIT = 1000
"""Most entries of a `.keras` file; Keras writes three, and those of some layers' own files."""

CONFIG_LIMIT = 2**23
"""Bytes of the longest config.json; that of Inception-v3 has some 300 thousand."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_archive(path: Path, limit: int) -> tuple[bytes, bytes]:
    """Return the configuration (JSON) and the weights (HDF5).

    Args:
        path: of a file that is there.
        limit: bytes of the weights at most.

    Raises:
        WeightsError: it is damaged, too large, or not such an archive.
        OSError: it cannot be read.
    """
    require_size(path, SIZE_LIMIT)
    _check_entries(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if leads_outside(name):
                    raise WeightsError(f"its entry {brief(name)!r} leads outside it.")
            config = _unpack(archive, "config.json", CONFIG_LIMIT)
            return config, _unpack(archive, "model.weights.h5", limit)
    # The last: a name that is no text.
    except (
        zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError
    ) as error:  # fmt: skip
        raise WeightsError(f"it is not a whole .keras file ({brief(error)}).") from error


def _check_entries(path: Path) -> None:
    """Refuse an archive of many entries before `zipfile` makes an object of each."""
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        # What each entry of an archive's directory begins with (APPNOTE.TXT, 4.3.12).
        count = sum(1 for _ in islice(re.finditer(b"PK\x01\x02", content), ENTRY_LIMIT + 1))
    if count > ENTRY_LIMIT:
        raise WeightsError(f"it has over {ENTRY_LIMIT} entries.")


def _unpack(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    if name not in archive.namelist():
        raise WeightsError(f"it has no {name}: it is not a .keras file.")
    # Others raise errors of their own, and one of them takes what memory a file tells it to.
    if archive.getinfo(name).compress_type not in _METHODS:
        raise WeightsError(f"its {name} is compressed in a way that Keras does not use.")
    with archive.open(name) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise WeightsError(f"its {name} unpacks to over {limit // 2**20} MiB.")
    return content
