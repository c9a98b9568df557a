"""Text that came from files, as people may safely be shown it."""

import unicodedata
from collections.abc import Sequence

BRIEF = 200
"""Characters of a value from a file that a message shows at most."""


def printable(text: str) -> str:
    """Escape what would move the cursor or break the line; other scripts stay as they are."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def padded(text: str, width: int) -> str:
    """Add spaces up to a number of a terminal's columns; CJK characters take two columns."""
    return text + " " * (width - columns(text))


def columns(text: str) -> int:
    """Return how many columns of a terminal printable text takes."""
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(unicodedata.combining(each) > 0 for each in text)


def brief(value: object) -> str:
    """Return a value's text for a message: on one line, escaped, and cut off where it is long."""
    text = str(value)
    return printable(text) if len(text) <= BRIEF else f"{printable(text[:BRIEF])}..."


def brief_repr(value: object) -> str:
    """Return what a value is, for a message; of one that Python does not write, its type."""
    try:
        return brief(repr(value))
    except ValueError:  # whole numbers of more than 4,300 digits
        return f"{type(value).__name__} that cannot be shown"


def counted(number: int, noun: str) -> str:
    """Return a number and what it counts: "1 image", "1,200 images"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], most: int, *, separator: str = ", ") -> str:
    """Return names for a message: all, or the first `most` and how many more there are."""
    shown = separator.join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
