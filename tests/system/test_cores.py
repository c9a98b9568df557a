"""How many cores a process may use, on pretended systems."""

import os
from pathlib import Path

import pytest

from torch_inception.system.cores import usable_cores


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_no_more_cores_than_the_machine_has() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_without_control_groups_it_is_what_the_process_is_bound_to(tmp_path: Path) -> None:
    assert usable_cores(tmp_path, bound=8) == 8


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", 8), ("?", 8)],
)
def test_a_share_of_time_limits_the_cores(tmp_path: Path, limit: str, cores: int) -> None:
    write(tmp_path / "proc/self/cgroup", "0::/a/b\n")
    write(tmp_path / "sys/fs/cgroup/a/b/cpu.max", limit + "\n")
    assert usable_cores(tmp_path, bound=8) == cores


def test_the_tightest_group_above_the_process_counts(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "0::/a/b\n")
    write(tmp_path / "sys/fs/cgroup/a/b/cpu.max", "700000 100000\n")
    write(tmp_path / "sys/fs/cgroup/a/cpu.max", "300000 100000\n")
    assert usable_cores(tmp_path, bound=8) == 3


def test_a_container_that_shows_only_its_own_group(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/cgroup", "0::/host/only/path\n")
    write(tmp_path / "sys/fs/cgroup/cpu.max", "400000 100000\n")
    assert usable_cores(tmp_path, bound=8) == 4


@pytest.mark.parametrize(("quota", "cores"), [("250000", 3), ("-1", 8)])
def test_version_1_groups(tmp_path: Path, quota: str, cores: int) -> None:
    write(tmp_path / "proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/docker/x\n0::/\n")
    group = tmp_path / "sys/fs/cgroup/cpu,cpuacct/docker/x"
    write(group / "cpu.cfs_quota_us", quota)
    write(group / "cpu.cfs_period_us", "100000")
    assert usable_cores(tmp_path, bound=8) == cores
