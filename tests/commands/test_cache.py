"""`torch-inception cache`: what is in the cache, by kind, and what is removed."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from tests.fakes import FakeEngine
from torch_inception.commands.cache import main
from torch_inception.features.cached_pass import run_pass
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.system.locks import exclusive_lock
from torch_inception.weights.checked import make_weights
from torch_inception.weights.store import cache_weights, load_cached_weights

DAY = 86400
OLD, NEW = "0" * 32, "1" * 32
ROOT = Path(__file__).parents[2]

OURS = {
    f"features/{OLD}/rows.bin": 3_000_000, f"features/{OLD}/index.sqlite": 200_000,
    f"features/{NEW}/rows.bin": 1_500_000, "weights/nsfwjs/tensors.pt": 2_000_000,
    "networks/a/network.pt": 400_000, "networks/.a.0123456789abcdef.part": 100_000,
    "downloads/torch/x.pth": 700_000, "files-1.sqlite": 300_000,
    "thumbnails/thumbnails-1.sqlite": 600_000,
}  # fmt: skip
"""Name of a file -> bytes."""

THEIRS = (
    "mine.txt", "weights/mine.pth", "weights/mine/best.pth", "weights/mine/description.json",
    "features/mine/rows.bin", "features/notes.txt", f"features/{'2' * 32}/photo.jpg",
    "networks/.hidden.part", "downloads/film.mp4", "files-1.sqlite.bak", "files-x.sqlite",
    "thumbnails/mine.jpg",
)  # fmt: skip
"""Files of somebody who names a folder of a project as the cache."""


@pytest.fixture
def cache(own_cache: Path) -> Path:
    """Fill a cache: old and new features, weights, networks, and files of somebody else."""
    for name, size in OURS.items():
        path = own_cache / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    said = {"format": 1, "files": {}, "about": {}, "sha256": ""}
    for folder in ("weights/nsfwjs", "networks/a"):
        (own_cache / folder / "description.json").write_text(json.dumps(said))
    for name in THEIRS:
        path = own_cache / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"about": "mine"}')
    for path in own_cache.rglob("*"):
        days = 40 if OLD in str(path) or "weights" in str(path) else 1
        os.utime(path, (time.time() - days * DAY,) * 2)
    return own_cache


def ours_left(cache: Path) -> set[str]:
    """Return which of our files are left; those of others have to be."""
    assert [name for name in THEIRS if not (cache / name).is_file()] == []
    return {name for name in OURS if (cache / name).exists()}


def test_size_and_content_are_told_by_kind(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == str(cache)
    # 3,000,000 bytes are 360 records of 8320, and 1,500,000 are 180.
    assert [re.split(r"  +", line.strip()) for line in lines] == [
        ["features", "4.7 MB", "540 rows"], ["thumbnails", "0.6 MB"],
        ["weights", "2.0 MB", "2 files"],
        ["networks", "0.5 MB", "3 files"], ["downloads", "0.7 MB", "1 file"],
        ["file index", "0.3 MB"], ["total", "8.8 MB"],
    ]  # fmt: skip
    assert len({line.index("MB") for line in lines}) == 1
    assert ours_left(cache) == set(OURS)


def test_an_empty_cache_is_no_error_and_is_not_made(
    own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags in ([], ["--clear"], ["--clear", "--older-than", "1"]):
        assert main(flags) == 0
        assert set(re.findall(r"([\d.]+) MB", capsys.readouterr().out)) == {"0.0"}
    assert not own_cache.exists()


def test_clear_removes_all_of_it_and_nothing_else(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--clear"]) == 0
    assert capsys.readouterr() == ("8.8 MB were removed.\n", "")
    assert ours_left(cache) == set()


def test_what_was_used_lately_can_be_kept(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0  # telling the size is no use
    capsys.readouterr()
    assert main(["--clear", "--older-than", "30"]) == 0
    assert capsys.readouterr().out == "5.2 MB were removed.\n"
    assert set(OURS) - ours_left(cache) == {
        f"features/{OLD}/rows.bin", f"features/{OLD}/index.sqlite", "weights/nsfwjs/tensors.pt",
    }  # fmt: skip


def test_an_age_alone_removes_nothing(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--older-than", "30"])
    assert exit_.value.code == 2
    assert "--older-than needs --clear" in capsys.readouterr().err
    assert ours_left(cache) == set(OURS)


@pytest.mark.parametrize("days", ["many", "nan", "inf", "-3"])
def test_what_is_no_number_of_days_removes_nothing(
    days: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--clear", "--older-than", days])
    assert exit_.value.code == 2
    assert re.search(r"--older-than: .* days", capsys.readouterr().err)
    assert ours_left(cache) == set(OURS)


def test_all_that_is_written_is_known_and_cleared(own_cache: Path, colours: Path) -> None:
    paths = sorted(colours.rglob("*.png"))
    run_pass(FakeEngine(), Preprocessing(), paths, cache=own_cache)
    assert main(["--clear"]) == 0
    assert [path for path in own_cache.rglob("*") if path.is_file()] == []
    table = run_pass(FakeEngine(), Preprocessing(), paths, cache=own_cache)
    assert table.computed == len(paths)


def test_weights_that_are_kept_are_known_and_cleared(
    own_cache: Path, state: dict[str, torch.Tensor]
) -> None:
    cache_weights("mine", make_weights(state, source="mine", version="1", pooling="torchvision"))
    assert load_cached_weights("mine") is not None
    assert main(["--clear"]) == 0
    assert load_cached_weights("mine") is None
    assert [path for path in own_cache.rglob("*") if path.is_file()] == []


USE = """
import sys, time
from pathlib import Path
from tests.fakes import FakeEngine
from torch_inception.features.cached_pass import run_pass
from torch_inception.images.preprocess import Preprocessing
class Slow(FakeEngine):
    def rows(self, images):
        print("MOMENT", flush=True)
        sys.stdin.readline()
        return super().rows(images)
paths = sorted(Path(sys.argv[1]).rglob("*.png"))[:4]
print(run_pass(Slow(), Preprocessing(), paths, cache=Path(sys.argv[2])).computed)
"""


@contextmanager
def using(cache: Path, data: Path) -> "Iterator[subprocess.Popen[str]]":
    """Have a process compute features until a line is written to it."""
    with subprocess.Popen(
        [sys.executable, "-c", USE, str(data), str(cache)],
        env=os.environ | {"PYTHONPATH": str(ROOT), CACHE_VARIABLE: str(cache)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "MOMENT\n"
        yield process


def test_a_cache_in_use_is_not_cleared_and_the_process_goes_on(
    cache: Path, colours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with using(cache, colours) as process:
        assert main([]) == 0
        for flags in (["--clear"], ["--clear", "--older-than", "1"]):
            assert main(flags) == 1
            err = capsys.readouterr().err
            assert err.startswith(f"error: another process is using the cache {cache}.")
            assert err.count("\n") == 1
        assert ours_left(cache) == set(OURS)
        out, _ = process.communicate("\n" * 9)
    assert (process.returncode, out.splitlines()[-1]) == (0, "4")
    assert main(["--clear"]) == 0
    assert ours_left(cache) == set()


def test_what_is_being_written_stays_and_is_told(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with exclusive_lock(cache / "weights" / "nsfwjs"):
        assert main(["--clear"]) == 1
    out, err = capsys.readouterr()
    assert out == "6.8 MB were removed.\n"
    assert err.startswith(f"error: {cache / 'weights' / 'nsfwjs'} is in use by another process")
    assert ours_left(cache) == {"weights/nsfwjs/tensors.pt"}


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
    bare["PYTHONPATH"] = str(ROOT)
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
