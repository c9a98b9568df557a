"""Whether a file is still the one that it was, without reading it."""

import stat
from pathlib import Path
from typing import NamedTuple


class FileState(NamedTuple):
    """What tells whether a file was changed, or another has taken its place.

    Archives and copies can give another file the same size and time of change; the file system's
    own number and time cannot be chosen. Where these are not kept (some network drives), files
    are read again, which costs time and nothing else. On Windows, `changed` is the time at which
    the file was made.

    Attributes:
        size: in bytes.
        modified: time of the last change of content, in nanoseconds.
        changed: time of the last change of the file or of what is said of it, in nanoseconds.
        number: of the file in its file system (inode).
    """

    size: int
    modified: int
    changed: int
    number: int

    def is_modified_since(self, earlier: "FileState") -> bool:
        """Tell whether size or time say that the content was another in an earlier state."""
        return (self.size, self.modified) != (earlier.size, earlier.modified)


def file_state(path: Path) -> FileState | None:
    """Look a file up in its folder, without reading it; None if it is no regular file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return FileState(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
