"""Text that came from files, as people may safely be shown it."""

BRIEF = 200
"""Characters of a value from a file that a message shows at most."""


def printable(text: str) -> str:
    """Escape what would move the cursor or break the line; other scripts stay as they are."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def brief(value: object) -> str:
    """Return a value's text for a message: on one line, escaped, and cut off where it is long."""
    text = str(value)
    return printable(text) if len(text) <= BRIEF else f"{printable(text[:BRIEF])}..."
