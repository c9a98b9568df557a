"""Rows for one process only, where the cache cannot be written."""

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from torch_inception.cache.rows import RowStore

_PORTION = 4096


class ScratchStore(RowStore):
    """A store in a folder that goes with the process; it borrows the rows of one that is kept."""

    def __init__(self, lender: RowStore) -> None:
        folder = tempfile.mkdtemp(prefix="torch_inception.")
        self._lender = lender
        self._gone = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        super().__init__(Path(folder))

    def find(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        """Look rows up, here and with the lender; what that has is copied."""
        wanted = list(dict.fromkeys(digests))
        found = super().find(wanted)
        lent = self._lender.find(digest for digest in wanted if digest not in found)
        table, places = self._lender.table().numpy(), iter(lent.items())
        while portion := dict(islice(places, _PORTION)):
            self.append({digest: table[place] for digest, place in portion.items()})
        return found | super().find(lent)
