"""What tests share: a network whose answers are plain, and one with real weights."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from tests.browser import load_axe, open_browser
from tests.drawings import draw_colours
from tests.fakes import FakeEngine, save_plain_weights, save_random_weights
from torch_inception.commands.train import main
from torch_inception.errors import WeightsError
from torch_inception.system.cache_folder import CACHE_VARIABLE, cache_folder
from torch_inception.weights.sources import npm

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long form of tests that have one")
    parser.addoption(
        "--require-weights", action="store_true",
        help="fail, instead of skipping, where the real weights of npm:nsfwjs cannot be had",
    )  # fmt: skip


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Tell whether the long form of a test was asked for."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a cache folder of its own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Be a user of a bare number, whom neither HOME nor the system gives a home."""
    import pwd  # which Windows does not have

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Give the library's log back as it was: commands point it at streams that tests replace."""
    log = logging.getLogger("torch_inception")
    handlers, level, propagate = list(log.handlers), log.level, log.propagate
    yield
    log.handlers, log.propagate = handlers, propagate
    log.setLevel(level)


@pytest.fixture
def engine() -> FakeEngine:
    """Give an engine whose features are the means of red, green and blue."""
    return FakeEngine()


@pytest.fixture(scope="session")
def plain_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file of weights with which the real network computes what `FakeEngine` does."""
    path = tmp_path_factory.mktemp("plain_weights") / "plain.pth"
    save_plain_weights(path)
    return path


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file of random weights, whose features show a rounding that is another."""
    path = tmp_path_factory.mktemp("random_weights") / "random.pth"
    save_random_weights(path)
    return path


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Make a data set of three classes, 30 images each."""
    folder = tmp_path / "colours"
    draw_colours(folder)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Name a folder for results that is not there yet."""
    return tmp_path / "results" / "run"


@pytest.fixture
def train(
    colours: Path, run: Path, engine: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Give a function that runs the command on `colours` with the fake engine.

    It returns (status, out, err).
    """

    def call(*flags: str) -> tuple[int, str, str]:
        status = main(["--data", str(colours), "--output", str(run), *flags], engine=engine)
        return status, *capsys.readouterr()

    return call


@pytest.fixture(scope="session")
def real_cache(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Give a cache folder that holds the real weights of npm:nsfwjs, converted once.

    Where they cannot be had (no npm, no registry), tests that need them are skipped, or fail with
    `--require-weights`.
    """
    folder = tmp_path_factory.mktemp("real_cache")
    at_hand = cache_folder() / "weights" / f"nsfwjs-{npm.VERSION}"
    if at_hand.is_dir():
        shutil.copytree(at_hand, folder / "weights" / at_hand.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder))
        try:
            npm.load()
        except WeightsError as error:
            if request.config.getoption("--require-weights"):
                raise
            pytest.skip(f"the weights of {npm.SOURCE} cannot be had: {error}")
    yield folder


@pytest.fixture(scope="session")
def browser() -> Iterator["Chrome"]:
    """Give a browser; tests that need one are skipped where there is none."""
    with open_browser() as found:
        yield found


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the script that looks for what keeps people out."""
    return load_axe(tmp_path_factory.mktemp("axe"))


@pytest.fixture(scope="session")
def state() -> dict[str, torch.Tensor]:
    """Give a state dict of torchvision's whole network, auxiliary head and classifier included."""
    import torchvision

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torchvision.models.inception_v3(weights=None, init_weights=False)
    return dict(network.state_dict())
