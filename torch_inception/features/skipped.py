"""Files that are not whole images: how many there are for each reason, and the first of them."""

import logging
from collections.abc import Iterable

from torch_inception.system.escape import counted

log = logging.getLogger(__name__)

NAMED = 5
"""Files that are skipped for the same reason that are named one by one."""


class SkippedTally:
    """Counts files by the reason why they are skipped; its memory grows with the reasons."""

    def __init__(self) -> None:
        self._first: dict[str, list[object]] = {}
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(self._counts.values())

    def add(self, skipped: Iterable[tuple[object, str]]) -> None:
        """Count files.

        Args:
            skipped: path or address, and reason, of each.
        """
        for path, reason in skipped:
            first = self._first.setdefault(reason, [])
            if len(first) < NAMED:
                first.append(path)
            self._counts[reason] = self._counts.get(reason, 0) + 1

    def tell(self) -> None:
        """Log each file and its reason; one that many have, such as a missing page, only once."""
        for reason, paths in self._first.items():
            count = self._counts[reason]
            if count > NAMED:
                log.warning(
                    "skipped: %s, the first of them %s: %s",
                    counted(count, "file"), paths[0], reason,
                )  # fmt: skip
                continue
            for path in paths:
                log.warning("skipped: %s: %s", path, reason)
