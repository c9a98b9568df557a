"""Rows for one process only, where the cache cannot be written."""

import tempfile
import weakref
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from torch import Tensor

from torch_inception.features.cache.row_store import RowStore
from torch_inception.system.atomic import temporary_folder

_PORTION = 4096


class ScratchStore(RowStore):
    """A store in a folder that goes with the process; it borrows the rows of one that is kept."""

    def __init__(self, lender: RowStore) -> None:
        self._lender = lender
        stack = ExitStack()
        weakref.finalize(self, stack.close)
        target = Path(tempfile.gettempdir(), "torch_inception-rows")
        super().__init__(stack.enter_context(temporary_folder(target, mode=0o700)))

    def table(self, digests: Iterable[bytes]) -> tuple[Tensor, dict[bytes, int]]:
        """Look rows up, here and with the lender; what that has is copied."""
        wanted = list(digests)
        _, found = super().table(wanted)
        lent, places = self._lender.table(digest for digest in wanted if digest not in found)
        rows, items = lent.numpy(), iter(places.items())
        while portion := dict(islice(items, _PORTION)):
            self.append({digest: rows[place] for digest, place in portion.items()})
        return super().table(wanted)
