"""Rates of contenders over rounds: medians, ratios within a round, and a Markdown table."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence

NOT_MEASURED = "-"


class Rates:
    """Images per second, by contender and column; one value a round."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, contender: str, column: str, rate: float) -> None:
        """Record the rate of one round."""
        self._values[contender, column].append(rate)

    def median(self, contender: str, column: str) -> float:
        """Return the median over the rounds."""
        return statistics.median(self._values[contender, column])

    def ratio(self, contender: str, reference: str, column: str) -> float | None:
        """Return the median of the ratios within each round; None if the reference has no rates."""
        if (reference, column) not in self._values:
            return None
        pairs = zip(self._values[contender, column], self._values[reference, column], strict=True)
        return statistics.median(one / other for one, other in pairs)


def times(ratio: float | None) -> str:
    """Write a ratio as "2.3x"; one that could not be measured as "-"."""
    return NOT_MEASURED if ratio is None else f"{ratio:.2f}x"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
