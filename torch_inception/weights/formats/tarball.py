"""Read files out of a gzipped tar archive without unpacking it, whoever made it."""

import contextlib
import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Self

from torch_inception.errors import WeightsError
from torch_inception.system.escape import brief

UNPACKED_LIMIT = 256 * 2**20
"""Bytes of the largest archive, unpacked; nsfwjs has 42 million."""

FILE_LIMIT = 128 * 2**20
"""Bytes of the largest file that is read; a float32 Inception-v3 in one file has 96 million."""

MEMBER_LIMIT = 10_000
"""Most files in an archive; nsfwjs has 81."""

EXTENDED_LIMIT = 2**20
"""Bytes of all headers that say more of a file, which `tarfile` takes a second for."""

_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


def read_files(tarball: bytes, names: Sequence[str]) -> list[bytes]:
    """Return the content of regular files, in the order of their names.

    Raises:
        WeightsError: it is not such an archive, too large, or a file is not in it.
    """
    wanted = set(names)
    found: dict[str, bytes] = {}
    with _opened(tarball) as archive:
        for member in _members(archive):
            # A link could lead anywhere, and a device has no content.
            if member.name not in wanted or not member.isreg():
                continue
            file = archive.extractfile(member)
            assert file is not None
            if member.name in found:
                raise WeightsError(f"the package has two files {brief(member.name)}.")
            if member.size > FILE_LIMIT:
                raise WeightsError(f"the package's {member.name} is too large.")
            found[member.name] = file.read()
    missing = [name for name in names if name not in found]
    if missing:
        raise WeightsError(f"the package has no file {brief(missing[0])}.")
    return [found[name] for name in names]


def list_names(tarball: bytes) -> list[str]:
    """Return the names of the archive's regular files, in its order.

    Raises:
        WeightsError: it is not such an archive, too large, or has an entry that leads outside.
    """
    names: list[str] = []
    with _opened(tarball) as archive:
        for member in _members(archive):
            if leads_outside(member.name):
                raise WeightsError(f"the package's entry {brief(member.name)!r} leads outside it.")
            names += [member.name] if member.isreg() else []
    return names


def leads_outside(name: str) -> bool:
    """Tell whether a name from a package could mean a file elsewhere, on any system."""
    return name.startswith("/") or ".." in name.split("/") or any(c in name for c in "\\:\0")


@contextlib.contextmanager
def _opened(tarball: bytes) -> Iterator[tarfile.TarFile]:
    try:
        with gzip.open(io.BytesIO(tarball)) as packed:
            content = packed.read(UNPACKED_LIMIT + 1)
        if len(content) > UNPACKED_LIMIT:
            raise WeightsError(f"the package unpacks to over {UNPACKED_LIMIT // 2**20} MiB.")
        # What marks them in either kind of header; a few bytes can stand for any number of zeros.
        if b"GNU.sparse." in content:
            raise WeightsError("the package has sparse files. Pack it without --sparse.")
        file = io.BytesIO(content)
        with tarfile.open(fileobj=file, mode="r:", tarinfo=_checked_headers()) as archive:
            yield archive
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, RecursionError) as error:
        raise WeightsError(f"the package is not a tar archive ({brief(error)}).") from error


def _checked_headers() -> type[tarfile.TarInfo]:
    """Return a class that looks at each header of an archive before `tarfile` believes it."""
    left = EXTENDED_LIMIT

    class Header(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            nonlocal left
            header = super().frombuf(buf, encoding, errors)
            if header.size < 0:
                raise WeightsError("the package has a file of less than no bytes.")
            if header.type == tarfile.GNUTYPE_SPARSE:
                raise WeightsError("the package has sparse files. Pack it without --sparse.")
            # However short, each is read and kept.
            left -= max(header.size, tarfile.BLOCKSIZE) if header.type in _EXTENDED else 0
            if left < 0:
                raise WeightsError(
                    f"the package has over {EXTENDED_LIMIT // 2**20} MiB of extended headers."
                )
            return header

    return Header


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for count, member in enumerate(archive):
        if count >= MEMBER_LIMIT:
            raise WeightsError(f"the package has over {MEMBER_LIMIT} files.")
        yield member
