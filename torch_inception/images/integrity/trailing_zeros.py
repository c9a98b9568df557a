"""Tell whether data end in zeros, as those of a download do that was broken off."""

ZEROS = 64
"""Zeros that are taken for missing data; half-done downloads leave 512 at least."""

BROKEN_OFF = "cut short: its data end in zeros, as a download does that was broken off"
"""What is said of such a file."""

_OWN_ZEROS = 8
"""How many of them the data have to end in: compressed data end in four at most."""


def ends_in_zeros(content: bytes, start: int, end: int) -> bool:
    """Tell whether compressed data end in zeros that are not their own.

    Zeros that only follow the data are padding.

    Args:
        content: of the file.
        start: where the data begin in it.
        end: where they end.
    """
    last, behind = content[max(start, end - ZEROS) : end], content[end : end + ZEROS]
    own = len(last) - len(last.rstrip(b"\0"))
    following = len(behind) - len(behind.lstrip(b"\0"))
    return own >= min(_OWN_ZEROS, end - start) > 0 and own + following >= ZEROS
