"""Files have the permissions that the user's mask leaves, and the mask stays as it is."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.drawings import draw_colours
from tests.processes import run_python

TRAIN_TWICE = """
import json, os, pathlib, stat, sys
from tests.fakes import FakeEngine
from torch_inception.training.train_classifier import train_classifier
mask, data, run = int(sys.argv[1], 8), sys.argv[2], pathlib.Path(sys.argv[3])
os.umask(mask)
for _ in range(2):
    train_classifier(data, output=run, engine=FakeEngine())
def modes(folder):
    paths = (folder, *folder.rglob("*"))
    return {str(path): (path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}
cache = pathlib.Path(os.environ["TORCH_INCEPTION_CACHE"])
json.dump([os.umask(mask), modes(run.parent), modes(cache)], sys.stdout)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize(
    ("mask", "file_mode", "folder_mode"),
    [("022", 0o644, 0o755), ("077", 0o600, 0o700), ("002", 0o664, 0o775)],
)
def test_results_have_the_permissions_that_the_mask_asks_for(
    mask: str, file_mode: int, folder_mode: int, tmp_path: Path
) -> None:
    draw_colours(tmp_path / "colours", count=6)
    places = [str(tmp_path / "colours"), str(tmp_path / "results" / "run")]
    done = run_python(TRAIN_TWICE, mask, *places, environment=os.environ)
    assert done.returncode == 0, done.stderr
    mask_after, results, cache = json.loads(done.stdout)
    assert mask_after == int(mask, 8)
    assert str(tmp_path / "results" / "run" / "model.pt") in results
    for path, (is_folder, mode) in (results | cache).items():
        assert mode == (folder_mode if is_folder else file_mode), path
