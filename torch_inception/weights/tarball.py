"""Read files out of a gzipped tar archive without unpacking it, whoever made it."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Sequence

from torch_inception.errors import WeightsError
from torch_inception.text import brief

UNPACKED_LIMIT = 256 * 2**20
"""Bytes of the largest archive, unpacked; nsfwjs has 42 million."""

FILE_LIMIT = 64 * 2**20
"""Bytes of the largest file that is read; nsfwjs' largest has 6 million."""

MEMBER_LIMIT = 10_000
"""Most files in an archive; nsfwjs has 81."""


def read_files(tarball: bytes, names: Sequence[str]) -> list[bytes]:
    """Return the content of regular files, in the order of their names.

    Raises:
        WeightsError: it is not such an archive, too large, or a file is not in it.
    """
    try:
        with gzip.open(io.BytesIO(tarball)) as packed:
            archive = packed.read(UNPACKED_LIMIT + 1)
        if len(archive) > UNPACKED_LIMIT:
            raise WeightsError(f"the package unpacks to over {UNPACKED_LIMIT // 2**20} MiB.")
        found = _find(archive, names)
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, RecursionError) as error:
        raise WeightsError(f"the package is not a tar archive ({brief(error)}).") from error
    missing = [name for name in names if name not in found]
    if missing:
        raise WeightsError(f"the package has no file {missing[0]}.")
    return [found[name] for name in names]


def _find(archive: bytes, names: Sequence[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as members:
        for count, member in enumerate(members):
            if count >= MEMBER_LIMIT:
                raise WeightsError(f"the package has over {MEMBER_LIMIT} files.")
            # A link could lead anywhere, and a device has no content.
            if member.name not in names or not member.isreg():
                continue
            file = members.extractfile(member)
            assert file is not None
            if member.size > FILE_LIMIT:
                raise WeightsError(f"the package's {member.name} is too large.")
            found[member.name] = file.read()
    return found
