"""How many processor cores this process may use: those it is bound to, within its group's share.

A container often sees all cores of its machine and is given the time of two: more threads than
that would only wait for each other.
"""

import math
import os
from pathlib import Path

_SYSTEM = Path("/")


def usable_cores(system: Path = _SYSTEM, *, bound: int | None = None) -> int:
    """Return the number of cores, 1 or more.

    Args:
        system: root of the file system that holds Linux' `proc` and `sys`.
        bound: number of cores that the process is bound to; by default, what the system says.
    """
    shares = [math.ceil(share) for share in _shares(system)]
    return max(1, min([bound or _bound(), *shares]))


def _bound() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _shares(system: Path) -> list[float]:
    """Return the cores' worth of time that each control group above this process allows.

    Formats: docs.kernel.org, "Control Group v2", section "CPU Interface Files" (`cpu.max`), and
    "CFS Bandwidth Control" (`cpu.cfs_quota_us`, version 1).
    """
    shares: list[float] = []
    for line in _text(system / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, read = system / "sys/fs/cgroup", _share
        elif "cpu" in controllers.split(","):
            root, read = system / "sys/fs/cgroup" / controllers, _share_version_1
        else:
            continue
        group = root / path.strip("/")
        # Inside a container the group's path may be that of the host, of which only the root shows.
        for folder in {group, *group.parents, root} - set(root.parents):
            share = read(folder)
            if share is not None:
                shares.append(share)
    return shares


def _share(folder: Path) -> float | None:
    return _ratio(_text(folder / "cpu.max").split())


def _share_version_1(folder: Path) -> float | None:
    return _ratio([_text(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")])


def _ratio(numbers: list[str]) -> float | None:
    """Return quota / period; None where there is no limit ("max", or -1)."""
    try:
        quota, period = (int(number) for number in numbers)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
