"""Shards: Parquet files with a row per image, or per view of one. Each is written whole.

A row is kept as 8192 bytes, 4096 float16 of which the lower byte comes first: Parquet's own
float16 is not read everywhere, and a list of 4096 numbers is slow to read.
"""

import hashlib
import io
import logging
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy
import pyarrow
import pyarrow.compute
from numpy.typing import NDArray
from pyarrow import parquet

from torch_inception.errors import ClusterError
from torch_inception.features.cluster.listing import NO_FILE, State
from torch_inception.features.cluster.object_store import first_line, told_of
from torch_inception.features.cluster.shard_folders import Folder
from torch_inception.images.facts import FACTS
from torch_inception.network import ROW_SIZE

log = logging.getLogger(__name__)

LAYOUT = 1
"""Number of the layout of shards."""

ROW_BYTES = 2 * ROW_SIZE

_TYPES = {
    "u": pyarrow.uint64(), "f": pyarrow.float32(), "U": pyarrow.string(), "b": pyarrow.bool_()
}  # fmt: skip
"""Kind of a fact -> type of its column."""

_FACT_NAMES = FACTS.names or ()

SCHEMA = pyarrow.schema(
    [
        ("path", pyarrow.string()),
        ("view", pyarrow.string()),
        ("label", pyarrow.string()),
        ("size", pyarrow.int64()),
        ("modified", pyarrow.int64()),
        ("changed", pyarrow.int64()),
        ("digest", pyarrow.binary()),
        ("reason", pyarrow.string()),
        ("row", pyarrow.binary()),
        ("thumbnail", pyarrow.binary()),
        *((name, _TYPES[FACTS[name].kind]) for name in _FACT_NAMES),
    ]
)
"""The columns. `size` to `changed` are the file's state, null where it is no regular file; there
is a `reason` where there is no row, and the facts of the image where there is one."""

_COLUMNS = {field.name: field.type for field in SCHEMA}

KEY_COLUMNS = ["path", "view", "size", "modified", "changed", "digest", "reason"]

_STORED_AS_THEY_ARE = {"row", "thumbnail"}
_ENDING = ".parquet"
_PREFIX = "rows-"
_SPACE, _LAYOUT, _RUN = b"torch_inception.space", b"torch_inception.layout", b"torch_inception.run"


class ShardRow(NamedTuple):
    """What became of an image, or of one view of it.

    Attributes:
        path: its address.
        view: identity of the view; "" for the image as it is.
        label: of the image.
        state: of the file before it was read.
        digest: SHA-256 of its content; None where it could not be read.
        reason: why there is no row; None where there is one.
        row: (4096,) float16.
        facts: of the image, a record of `FACTS`.
        thumbnail: a small JPEG of it, where that was wanted.
    """

    path: str
    view: str
    label: str
    state: State
    digest: bytes | None
    reason: str | None = None
    row: NDArray[numpy.float16] | None = None
    facts: numpy.void | None = None
    thumbnail: bytes | None = None


class ShardKey(NamedTuple):
    """What tells whether a row of a shard is of use; all as in `ShardRow`."""

    path: str
    view: str
    state: State
    digest: bytes | None
    reason: str | None


class Shards:
    """The shards in a folder, all of one space.

    Args:
        folder: where they are.
        space: what besides the image changes a row, in words.
    """

    def __init__(self, folder: Folder, space: str) -> None:
        self.folder, self.space = folder, space

    def names(self) -> list[str]:
        """Return the names of all shards."""
        return [name for name in self.folder.names() if is_shard(name)]

    def write(self, name: str, rows: Sequence[ShardRow], *, run: str) -> None:
        """Write a shard whole; one of that name is replaced.

        Args:
            name: as `shard_name` gives it.
            rows: of images.
            run: what tells one run from others.
        """
        self.write_table(name, _table(rows), run=run)

    def write_table(self, name: str, table: pyarrow.Table, *, run: str) -> None:
        """Do as `write`, with a table of the columns of `SCHEMA`."""
        about = {_SPACE: self.space, _LAYOUT: str(LAYOUT), _RUN: run}
        stream = io.BytesIO()
        parquet.write_table(
            table.replace_schema_metadata(about),
            stream,
            compression={
                name: "NONE" if name in _STORED_AS_THEY_ARE else "ZSTD" for name in SCHEMA.names
            },
            use_dictionary=["label", "view", "reason", "format", "mode"],
            write_statistics=["path"],
            write_page_checksum=True,
        )
        self.folder.write(name, stream.getbuffer())

    def keys(self, name: str) -> list[ShardKey] | None:
        """Return the keys of a shard's rows; None, and say so, where it is not whole.

        Raises:
            ClusterError: it cannot be read, has other columns, or its rows are of another space.
        """
        table = self._read(name, KEY_COLUMNS)
        return None if table is None else list(_keys(table))

    def table(self, name: str) -> pyarrow.Table | None:
        """Return a whole shard; None, and say so, where it is damaged.

        Raises: as `keys`.
        """
        table = self._read(name, None)
        if table is None or _is_sound(table):
            return table
        self._remove(name, "it has rows that are none")
        return None

    def run_of(self, name: str) -> str | None:
        """Return which run wrote a shard; None where there is no whole one of that name."""
        try:
            with self.folder.open(name) as file:
                about = parquet.ParquetFile(file).metadata.metadata or {}
        except (OSError, pyarrow.ArrowException):
            return None
        run: bytes = about.get(_RUN, b"")
        return run.decode()

    def _read(self, name: str, columns: list[str] | None) -> pyarrow.Table | None:
        try:
            with self.folder.open(name) as stream:
                return self._table_in(name, stream, columns)
        except FileNotFoundError:
            return None
        except (OSError, pyarrow.ArrowException):
            content = self._content(name)  # a disk or network may have failed, for once
        try:
            return self._table_in(name, pyarrow.BufferReader(content), columns)
        except (OSError, pyarrow.ArrowException) as error:
            self._remove(name, first_line(error))
            return None

    def _remove(self, name: str, reason: str) -> None:
        log.warning(
            "shards: %s in %s is not whole (%s). It is removed; rows of it that are needed are "
            "computed again.",
            name, str(self.folder), reason,
        )  # fmt: skip
        self.folder.remove(name)

    def _content(self, name: str) -> bytes:
        with told_of(f"{name} in {self.folder}", "read"), self.folder.open(name) as stream:
            content: bytes = stream.read()
        return content

    def _table_in(
        self, name: str, stream: pyarrow.NativeFile, columns: list[str] | None
    ) -> pyarrow.Table:
        file = parquet.ParquetFile(stream, page_checksum_verification=True)
        self._check_space(name, file.metadata.metadata or {})
        self._check_columns(name, file.schema_arrow)
        return file.read(columns)

    def _check_space(self, name: str, about: dict[bytes, bytes]) -> None:
        if _SPACE not in about:
            raise ClusterError(
                f"{name} in {self.folder} was written by another program. Move it elsewhere, or "
                "name another folder: --shards."
            )
        theirs = about[_SPACE].decode(errors="replace")
        if about.get(_LAYOUT) != str(LAYOUT).encode() or theirs != self.space:
            raise ClusterError(
                f"the rows in {name} of {self.folder} are of other weights, settings of images or "
                f"another version{_difference(theirs, self.space)}. Name another folder: --shards."
            )

    def _check_columns(self, name: str, schema: pyarrow.Schema) -> None:
        """Refuse what another program has written anew: it is whole, and may be of use to someone.

        Readers of the whole folder want the same columns in all files.
        """
        columns = {field.name: field.type for field in schema}
        added = [column for column in columns if column not in _COLUMNS]
        changed = [column for column, kind in _COLUMNS.items() if columns.get(column) != kind]
        if added or changed:
            what = (
                f"column {added[0]!r} is added"
                if added
                else f"column {changed[0]!r} is not there, or of another type"
            )
            raise ClusterError(
                f"{name} in {self.folder} was changed: its {what}. Move it elsewhere (its rows are "
                "computed again then), or name another folder: --shards."
            )


def _difference(theirs: str, ours: str) -> str:
    words, own_words = theirs.split(), ours.split()
    others = " ".join(word for word in words if word not in own_words)
    own = " ".join(word for word in own_words if word not in words)
    return f" ({others} there, {own} here)" if others and own else ""


def _is_sound(table: pyarrow.Table) -> bool:
    """Tell whether there is a row and a digest of the right size wherever there is no reason."""
    is_good = pyarrow.compute.is_null(table["reason"])
    sizes = (("row", ROW_BYTES), ("digest", hashlib.sha256().digest_size))
    return all(
        pyarrow.compute.equal(pyarrow.compute.binary_length(table[name]), size)
        .filter(is_good)
        .fill_null(fill_value=False)
        .to_numpy()
        .all()
        for name, size in sizes
    )


def is_shard(name: str) -> bool:
    """Tell whether a name is one that `shard_name` gives."""
    return name.startswith(_PREFIX) and name.endswith(_ENDING)


def shard_name(block: object) -> str:
    """Return the name of the shard of a block; the same block has the same name."""
    return f"{_PREFIX}{hashlib.sha256(repr(block).encode()).hexdigest()[:32]}{_ENDING}"


def facts_of(table: pyarrow.Table) -> NDArray[numpy.void]:
    """Return the facts (N,) of `FACTS` of rows that have them."""
    facts = numpy.empty(len(table), FACTS)
    for name in _FACT_NAMES:
        facts[name] = table[name].to_numpy()
    return facts


def rows_of(table: pyarrow.Table) -> NDArray[numpy.float16]:
    """Return the rows (N, 4096) float16 of a table that has them all."""
    chunks = table["row"]
    # Whole shards have one chunk, and it is not copied.
    column = chunks.chunk(0) if chunks.num_chunks == 1 else chunks.combine_chunks()
    _, offsets, content = column.buffers()
    start = numpy.frombuffer(offsets, numpy.int32)[column.offset] if len(column) else 0
    values = numpy.frombuffer(content or b"", numpy.uint8)[start:]
    return values[: len(column) * ROW_BYTES].view("<f2").reshape(-1, ROW_SIZE)


def _table(rows: Sequence[ShardRow]) -> pyarrow.Table:
    states = [(None, None, None) if row.state == NO_FILE else row.state for row in rows]
    no_facts = (None,) * len(_FACT_NAMES)
    facts = [no_facts if row.facts is None else row.facts.item() for row in rows]
    columns = {
        "path": [row.path for row in rows],
        "view": [row.view for row in rows],
        "label": [_text(row.label) for row in rows],
        **dict(zip(("size", "modified", "changed"), zip(*states, strict=True), strict=True)),
        "digest": [row.digest for row in rows],
        "reason": [row.reason and _text(row.reason) for row in rows],
        "row": [None if row.row is None else row.row.tobytes() for row in rows],
        "thumbnail": [row.thumbnail for row in rows],
        **dict(zip(_FACT_NAMES, zip(*facts, strict=True), strict=True)),
    }
    return pyarrow.table(columns, SCHEMA)


def _keys(table: pyarrow.Table) -> Iterator[ShardKey]:
    columns = (table[name].to_pylist() for name in KEY_COLUMNS)
    for path, view, size, modified, changed, digest, reason in zip(*columns, strict=True):
        state = NO_FILE if size is None else State(size, modified, changed)
        yield ShardKey(path, view, state, digest, reason)


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
