"""`torch-inception cache`: what is in the cache, by kind, and what is removed."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from torch_inception.commands.cache import main
from torch_inception.system.cache_folder import cache_entries

DAY = 86400


@pytest.fixture
def cache(own_cache: Path) -> Path:
    """Fill a cache: old and new features, weights, networks, and files of somebody else."""
    sizes = {
        "features/old/rows.bin": 3_000_000, "features/old/index.sqlite": 200_000,
        "features/new/rows.bin": 1_500_000, "weights/nsfwjs.pt": 2_000_000,
        "networks/a.xml": 100_000, "networks/a.bin": 400_000, "files-1.sqlite": 300_000,
        "mine.txt": 50_000, "mine/photo.jpg": 50_000,
    }  # fmt: skip
    for name, size in sizes.items():
        path = own_cache / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        days = 40 if "old" in name or "weights" in name else 1
        os.utime(path, (time.time() - days * DAY,) * 2)
    return own_cache


def sizes_shown(out: str) -> dict[str, float]:
    found = re.findall(r"^  (\w[\w ]*\w) +([0-9.]+) MB$", out, flags=re.MULTILINE)
    return {name: float(size) for name, size in found}


def test_sizes_are_told_by_kind(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == str(cache)
    assert sizes_shown(out) == {
        "features": 4.7, "weights": 2.0, "networks": 0.5, "downloads": 0.0, "file index": 0.3,
        "total": 7.5,
    }  # fmt: skip


def test_an_empty_cache_is_no_error_and_is_not_made(
    own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags in ([], ["--clear"]):
        assert main(flags) == 0
        assert set(sizes_shown(capsys.readouterr().out).values()) == {0.0}
    assert not own_cache.exists()


def test_clear_removes_all_of_it_and_nothing_else(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--clear"]) == 0
    assert sizes_shown(capsys.readouterr().out) == {"removed": 7.5}
    assert list(cache_entries()) == []
    left = {str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file()}
    assert left == {"mine.txt", "mine/photo.jpg"}


def test_what_was_used_lately_can_be_kept(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--clear", "--older-than", "30"]) == 0
    assert sizes_shown(capsys.readouterr().out) == {"removed": 5.2}
    left = {str(entry.path.relative_to(cache)) for entry in cache_entries()}
    assert left == {"features/new", "networks/a.xml", "networks/a.bin", "files-1.sqlite"}


def test_a_number_of_days_alone_removes_nothing(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = list(cache_entries())
    with pytest.raises(SystemExit):
        main(["--older-than", "30"])
    assert "--older-than goes with --clear" in capsys.readouterr().err
    assert [entry.path for entry in cache_entries()] == [entry.path for entry in before]


@pytest.mark.parametrize("days", ["-1", "nan", "inf"])
def test_a_number_of_days_that_cannot_be_is_refused(
    days: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--clear", f"--older-than={days}"])
    assert stopped.value.code == 2
    assert "must be 0 or more days" in capsys.readouterr().err
    assert len(list(cache_entries())) == 6


def test_what_cannot_be_removed_is_told(
    cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def refused(path: Path, *arguments: bool) -> None:
        if path.name == "nsfwjs.pt":
            raise PermissionError(13, "Permission denied")
        unlink(path, *arguments)

    monkeypatch.setattr(Path, "unlink", refused)
    assert main(["--clear"]) == 1
    out, err = capsys.readouterr()
    assert sizes_shown(out) == {"removed": 5.5}
    assert "nsfwjs.pt could not be removed" in err


def test_a_cache_that_has_no_place_is_told_in_a_line(tmp_path: Path) -> None:
    code = (
        "import pwd, sys\n"
        "def nobody(number): raise KeyError\n"
        "pwd.getpwuid = nobody\n"
        "from torch_inception.commands.cache import main\n"
        "sys.exit(main([]))"
    )
    unset = {"HOME", "XDG_CACHE_HOME", "TORCH_INCEPTION_CACHE"}
    bare = {name: value for name, value in os.environ.items() if name not in unset}
    bare["PYTHONPATH"] = str(Path(__file__).parents[2])
    for environment in (bare, bare | {"HOME": "/"}):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.startswith("error: there is no home folder to keep features")
        assert "TORCH_INCEPTION_CACHE" in done.stderr
        assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
