"""Users without a home, as in containers: a variable is named, and no more is needed."""

from pathlib import Path

import pytest

from tests.drawings import draw_colours
from tests.processes import COMMAND
from tests.weights.homeless import without_home
from torch_inception.system.cache_folder import CACHE_VARIABLE

LIBRARY = """
import sys
from torch_inception import CacheError, FeatureExtractor
try:
    FeatureExtractor(weights=sys.argv[1])
except CacheError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)
"""


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a data set of three classes, 6 images each."""
    folder = tmp_path_factory.mktemp("data") / "colours"
    draw_colours(folder, count=6)
    return folder


@pytest.mark.parametrize(
    ("command", "home"),
    [("train", None), ("train", "/"), ("predict", None), ("convert", None), ("library", None)],
)
def test_the_variable_is_named_on_one_line(
    command: str, home: str | None, few: Path, plain_weights: Path, tmp_path: Path
) -> None:
    code = LIBRARY if command == "library" else COMMAND
    arguments: dict[str, list[str | Path]] = {
        "train": ["train", "--data", few, "--weights", plain_weights, "--output", "run"],
        "predict": ["predict", few / "red" / "red_00.png", "--weights", plain_weights],
        "convert": ["convert", "--show", "imagenet"],
        "library": [plain_weights],
    }
    done = without_home(code, *arguments[command], folder=tmp_path / "here", home=home)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("weights: using")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: there is no home folder")
    assert f"in the environment variable {CACHE_VARIABLE}." in lines[0]
    assert done.returncode == 1
    assert list((tmp_path / "here").iterdir()) == []


def test_with_the_variable_nothing_else_is_written(
    few: Path, plain_weights: Path, tmp_path: Path
) -> None:
    variables = {CACHE_VARIABLE: str(tmp_path / "cache")}
    done = without_home(
        COMMAND, "train", "--data", few, "--weights", plain_weights, "--output", "run",
        folder=tmp_path / "here", **variables,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["run"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "here"]
